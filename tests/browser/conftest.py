"""A real browser on the real server: the one that `PAGE_URL` names, else one started here."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.serving import running_server
from tests.tiny import CASCADE, write_artifact
from tests.tiny_entities import write_entity_artifact

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "build/node/node_modules/axe-core/axe.min.js"
TIMEOUT_MS = 15_000
WIDE: ViewportSize = {"width": 1280, "height": 860}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def missing(reason: str) -> NoReturn:
    """Skip where something is not installed; CI installs everything, so there it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not executable:
        missing("no chromium: install it, or name it in the variable CHROMIUM")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_url() -> Iterator[str]:
    running = os.environ.get("PAGE_URL")
    if running:
        yield running.rstrip("/") + "/"
        return
    models = Path(os.environ.get("MODELS_DIR", ROOT / "build/models"))
    if not any(models.glob("*/manifest.json")):
        missing(f"no model in {models}: pull one, or name a directory in MODELS_DIR")
    with running_server(models) as server:
        yield f"{server.url}/"


@pytest.fixture(scope="session")
def tiny_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of tiny models: three that classify (one by a cascade), one that finds entities."""
    models = tmp_path_factory.mktemp("models")
    own = [
        "A good film.",
        'A "dull" film.',
        "A long text that is cut off where it becomes too long.",
    ]
    write_artifact(models / "sentiment")
    write_artifact(models / "sentiment-lstm", model="sentiment-lstm", temperature=4.0, samples=own)
    write_artifact(models / "cascaded", model="cascaded", cascade=CASCADE)
    write_entity_artifact(models / "ner", max_tokens=64)
    with running_server(models) as server:
        yield f"{server.url}/"


@pytest.fixture
def page(browser: Browser, page_url: str) -> Iterator[Page]:
    """The page, opened, on a wide screen; whatever it breaks in its own code fails the test."""
    with opened(browser, page_url) as page:
        yield page


@pytest.fixture
def tiny_page(browser: Browser, tiny_url: str) -> Iterator[Page]:
    """The page of the server of tiny models."""
    with opened(browser, tiny_url) as page:
        yield page


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        missing(f"no axe-core: make build/node/.ready puts it at {AXE}")
    return AXE.read_text(encoding="utf-8")


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light")
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(describe(error)))
    page.on("console", lambda message: faults.extend(violations(message)))
    page.goto(url)
    yield page
    context.close()
    assert faults == []


def describe(error: Error) -> str:
    return error.message


def violations(message: ConsoleMessage) -> list[str]:
    return [message.text] if "Content Security Policy" in message.text else []
