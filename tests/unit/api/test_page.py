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
