import re

import pytest


def test_the_page_loads_only_what_the_service_serves(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    references = re.findall(r'(?:src|href)="(?!#|data:)([^"]+)"', page.text)
    assert references
    for reference in references:
        assert not reference.startswith(("http", "/"))
        assert client.get(f"/{reference}").status_code == 200


@pytest.mark.parametrize("path", ["docs", "redoc"])
def test_documentation_needs_no_internet(client, path):
    page = client.get(f"/{path}")
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert references
    for reference in references:
        assert not reference.startswith("http")
        assert client.get(f"/{reference}").status_code == 200


@pytest.mark.parametrize(
    "path", ["web/..%2fapp.py", "web/%2e%2e/app.py", "web/none.js", "docs-assets/core.py"]
)
def test_files_outside_the_folders_are_not_served(client, path):
    assert client.get(f"/{path}").status_code == 404


@pytest.mark.parametrize("name", ["a" * 256, "a" * 5000, "%00", "..%00", "page.css%00", "~"])
@pytest.mark.parametrize("folder", ["web", "docs-assets"])
def test_no_name_of_a_file_breaks_anything(client, folder, name):
    assert client.get(f"/{folder}/{name}").status_code == 404


@pytest.mark.parametrize("path", ["", "web/page.js", "docs-assets/swagger-ui.css"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_the_browser_has_is_not_sent_again(client, path, method):
    etag = client.get(f"/{path}").headers["etag"]
    for known in (etag, f'"other", W/{etag}'):
        answer = client.request(method, f"/{path}", headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert client.get(f"/{path}", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["", "web/page.js", "web/file-panel.js"])
def test_a_browser_asks_whether_the_page_has_changed(client, path):
    assert client.get(f"/{path}").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/docs/", "../docs"),
        ("/redoc//", "../../redoc"),
        ("/text/api", "api/"),
        ("/text/api/docs/", "../docs"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_is_redirected_to_where_its_urls_lead_by_a_path_alone(
    make_client, method, path, location
):
    client = make_client(BASE_PATH="/text/api")
    answer = client.request(method, path, headers={"host": "evil.example"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, location)
    assert client.request(method, path).status_code == 200


@pytest.mark.parametrize("path", ["//", "/web//", "/health/live/", "/docs/x/"])
def test_no_other_path_is_redirected(client, path):
    assert client.get(path, follow_redirects=False).status_code in (200, 404)


def test_a_text_is_answered_at_the_base_path_without_a_slash(make_client):
    answer = make_client(BASE_PATH="/text/api").post(
        "/text/api", json={"inputs": "good"}, follow_redirects=False
    )
    assert answer.status_code == 200
