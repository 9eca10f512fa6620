"""The page for everybody: axe-core on every state, the keyboard, a narrow screen."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .doubles import model, ner, refuses, serves

pytestmark = pytest.mark.browser


@pytest.fixture(params=["light", "dark"])
def themed(page: Page, request: pytest.FixtureRequest) -> Page:
    page.emulate_media(color_scheme=request.param)
    return page


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(f"{axe}\n;null")
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    return [
        f"{rule['id']}: {rule['help']} at {', '.join(node['html'][:120] for node in rule['nodes'])}"
        for rule in found
    ]


def test_the_empty_page_has_no_violations(themed: Page, axe: str) -> None:
    assert violations(themed, axe) == []


def test_a_verdict_has_no_violations(themed: Page, axe: str) -> None:
    themed.get_by_role("button", name="A love letter").click()
    expect(themed.get_by_role("region", name="Verdict")).to_be_visible()

    assert violations(themed, axe) == []


def test_a_problem_has_no_violations(themed: Page, axe: str) -> None:
    refuses(themed, 503)
    themed.get_by_role("button", name="A love letter").click()
    expect(themed.locator("#text-problem")).to_contain_text("The model is not ready yet")

    assert violations(themed, axe) == []


def test_the_key_dialog_has_no_violations(themed: Page, axe: str) -> None:
    refuses(themed, 401)
    themed.get_by_role("button", name="A love letter").click()
    expect(themed.get_by_role("dialog")).to_be_visible()

    assert violations(themed, axe) == []


def test_a_chosen_file_has_no_violations(themed: Page, axe: str) -> None:
    themed.get_by_role("tab", name="File").click()
    assert violations(themed, axe) == []

    themed.get_by_role("button", name="Use a sample file").click()
    expect(themed.get_by_role("region", name="Chosen file")).to_be_visible()
    assert violations(themed, axe) == []


def test_a_scored_file_has_no_violations(themed: Page, axe: str) -> None:
    score_the_sample(themed)

    assert violations(themed, axe) == []


def test_the_model_choice_and_its_description_have_no_violations(themed: Page, axe: str) -> None:
    serves(themed, model(), model("sentiment-lstm"))
    themed.get_by_text("About the model").click()

    assert violations(themed, axe) == []


def test_arrow_keys_move_between_the_tabs(page: Page) -> None:
    serves(page, model(), ner())
    text, file, entities = (
        page.get_by_role("tab", name=name) for name in ("Text", "File", "Entities")
    )
    text.focus()

    for key, chosen in [
        ("ArrowRight", file),
        ("ArrowRight", entities),
        ("ArrowRight", text),
        ("End", entities),
        ("ArrowLeft", file),
        ("Home", text),
    ]:
        page.keyboard.press(key)
        expect(chosen).to_be_focused()
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel", name=re.compile("Text|File|Entities"))).to_have_count(1)


def test_arrow_keys_pass_over_a_tab_that_is_not_there(page: Page) -> None:
    serves(page, model())
    text, file = page.get_by_role("tab", name="Text"), page.get_by_role("tab", name="File")
    text.focus()

    for key, chosen in [("End", file), ("ArrowRight", text), ("ArrowLeft", file)]:
        page.keyboard.press(key)
        expect(chosen).to_be_focused()


def test_only_the_selected_tab_is_in_the_tab_order(page: Page) -> None:
    serves(page, model())  # one, of which there is no choice
    page.get_by_role("tab", name="Text").focus()
    page.keyboard.press("Tab")

    expect(page.get_by_label("Text to classify")).to_be_focused()


def test_nothing_overflows_a_narrow_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="A love letter").click()
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    assert overflow(page) <= 0

    score_the_sample(page)
    assert overflow(page) <= 0


def test_nothing_moves_for_those_who_ask_for_stillness(page: Page) -> None:
    page.get_by_role("button", name="A love letter").click()

    expect(page.get_by_role("region", name="Verdict")).to_have_css("animation-name", "none")


def score_the_sample(page: Page) -> None:
    page.get_by_role("tab", name="File").click()
    page.get_by_role("button", name="Use a sample file").click()
    page.locator("#score").click()
    expect(page.get_by_role("region", name="Results")).to_be_visible()


def overflow(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return width
