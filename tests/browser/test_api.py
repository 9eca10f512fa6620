"""The API in a real browser: called by a page of another origin, and tried in its documentation."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import opened
from tests.serving import running_server, wanting
from tests.stand_ins.json_server import LOOPBACK, serving
from tests.tiny import write_artifact

pytestmark = pytest.mark.browser

KEY = "correct horse"
ASK = """async ([url, key]) => {
  const headers = { "Content-Type": "application/json", "X-Request-Id": "from-a-page" };
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    const body = JSON.stringify({ inputs: "A fine film." });
    const answer = await fetch(`${url}v1/predict`, { method: "POST", headers, body });
    return {
      status: answer.status,
      content: await answer.json(),
      id: answer.headers.get("X-Request-Id"),
      timing: answer.headers.get("Server-Timing"),
    };
  } catch (error) {
    return { refused: error.name };
  }
}"""


class _Page(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web site of its own on the loopback interface, with one empty page."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><link rel=icon href='data:,'><p>Ours")
    page = partial(_Page, directory=str(folder))
    with serving(ThreadingHTTPServer((LOOPBACK, 0), page)) as address:
        yield address


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("models") / "sentiment").parent


@pytest.fixture(scope="module")
def service(site: str, models: Path) -> Iterator[str]:
    """A server that wants a key, and lets the site's pages call it."""
    with running_server(models, CORS_ORIGINS=site, **wanting(KEY)) as server:
        yield f"{server.url}/"


@pytest.fixture
def elsewhere(browser: Browser, site: str) -> Iterator[Page]:
    with opened(browser, site) as page:
        yield page


def ask(page: Page, url: str, key: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(ASK, [url, key])
    return answer


def test_a_page_of_an_allowed_origin_reads_the_answer_and_its_headers(
    elsewhere: Page, service: str
) -> None:
    answer = ask(elsewhere, service, KEY)
    assert answer["status"] == 200
    assert answer["content"]["predictions"][0]["label"] == "positive"
    assert answer["id"] == "from-a-page"
    assert "inference;dur=" in answer["timing"]


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 403)])
def test_a_page_reads_why_it_was_refused(
    elsewhere: Page, service: str, key: str | None, status: int
) -> None:
    answer = ask(elsewhere, service, key)
    assert (answer["status"], answer["content"]["status"]) == (status, status)
    assert "key" in answer["content"]["detail"]


def test_a_page_of_an_origin_that_is_not_named_reads_nothing(
    browser: Browser, site: str, service: str
) -> None:
    with opened(browser, site.replace("127.0.0.1", "localhost")) as page:
        assert ask(page, service, KEY) == {"refused": "TypeError"}


def test_without_the_setting_a_page_reads_nothing(elsewhere: Page, tiny_url: str) -> None:
    assert ask(elsewhere, tiny_url, None) == {"refused": "TypeError"}


def test_the_documentation_sends_a_key_that_was_entered(browser: Browser, service: str) -> None:
    with opened(browser, f"{service}docs") as page:
        page.get_by_role("button", name="Authorize").first.click()
        page.get_by_label("auth-bearer-value").fill(KEY)
        page.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close", exact=True).click()
        page.locator("#operations-native-list_models").click()
        page.get_by_role("button", name="Try it out").click()
        with page.expect_response(f"{service}v1/models") as answered:
            page.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
