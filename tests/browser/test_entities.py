"""What a visitor sees of the entities of a text."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import opened
from .doubles import (
    PREDICT,
    answers,
    entity_prediction,
    model,
    ner,
    refuses,
    serves,
    texts_of,
)
from .test_accessibility import overflow, violations

pytestmark = pytest.mark.browser

TEXT = "🐈🍿 Ada met Acme in New York, 👩‍👩‍👧 and Ada left."
FOUND = [("PER", "Ada"), ("ORG", "Acme"), ("LOC", "New York"), ("PER", "Ada")]


@pytest.fixture
def entities_tab(page: Page) -> Page:
    """The tab of a service whose answers are made up."""
    serves(page, model(), ner())
    open_tab(page)
    return page


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="Entities").click()
    page.locator("#entities-panel:not([inert])").wait_for()


def find(page: Page, text: str) -> None:
    page.get_by_label("Text to search").fill(text)
    page.get_by_role("button", name="Find entities").click()


def findings(page: Page) -> Locator:
    return page.get_by_role("region", name="Entities found")


def marks(page: Page) -> Locator:
    return findings(page).locator("mark.entity")


def show(page: Page, text: str = TEXT, *found: tuple[str, str]) -> None:
    answers(page, entity_prediction(text, *(found or FOUND)), name="ner")
    find(page, text)
    expect(findings(page)).to_be_visible()


def spoken(text: str) -> re.Pattern[str]:
    return re.compile(f"^{text}")


def test_the_server_finds_entities_and_the_page_marks_them(tiny_page: Page) -> None:
    open_tab(tiny_page)
    find(tiny_page, "🐈🍿 Ada Lovelace met Acme in New York.")

    expect(marks(tiny_page)).to_have_text(
        [spoken(name) for name in ("Ada Lovelace", "Acme", "New")]
    )
    expect(findings(tiny_page).get_by_role("heading")).to_have_text("3 entities")
    expect(findings(tiny_page).locator(".facts")).to_contain_text(re.compile(r"Model\s*ner"))


def test_the_page_reports_kindly_that_the_server_found_nothing(tiny_page: Page) -> None:
    open_tab(tiny_page)
    find(tiny_page, "met in , .")

    expect(findings(tiny_page).get_by_role("heading")).to_have_text("No entities found")
    expect(findings(tiny_page)).to_contain_text("looks for: place, organisation, person.")
    expect(tiny_page.locator("#entities-status")).to_have_text("No entities found.")


def test_each_classifier_answers_where_it_is_chosen(tiny_page: Page) -> None:
    choice = tiny_page.get_by_label("Model")
    expect(choice.locator("option")).to_have_text(["sentiment", "cascaded", "sentiment-lstm"])
    for name, score in [("sentiment", "98.2% sure"), ("sentiment-lstm", "73.1% sure")]:
        choice.select_option(name)
        tiny_page.get_by_label("Text to classify").fill("good")
        tiny_page.get_by_role("button", name="Classify").click()
        expect(tiny_page.locator(".verdict-score")).to_have_text(score)
        expect(tiny_page.locator("#verdict .facts")).to_contain_text(
            re.compile(f"Model\\s*{name}V")
        )


def test_a_file_is_scored_by_the_model_that_was_chosen_for_texts(tiny_page: Page) -> None:
    tiny_page.get_by_label("Model").select_option("sentiment-lstm")
    tiny_page.get_by_role("tab", name="File").click()
    tiny_page.get_by_role("button", name="Use a sample file").click()
    expect(tiny_page.get_by_label("Model")).to_have_value("sentiment-lstm")

    with tiny_page.expect_request(re.compile("/v1/models/sentiment-lstm/predict$")):
        tiny_page.locator("#score").click()


def test_the_tab_is_there_only_where_a_model_finds_entities(page: Page) -> None:
    serves(page, model())
    expect(page.get_by_role("tab", name="Entities")).to_be_hidden()

    serves(page, model(), ner())
    expect(page.get_by_role("tab", name="Entities")).to_be_visible()
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")


def test_where_no_model_classifies_there_is_no_other_tab(page: Page) -> None:
    serves(page, ner())

    expect(page.get_by_role("tab")).to_have_text(["Entities"])
    expect(page.get_by_label("Text to search")).to_be_visible()


def test_each_task_has_its_own_models_to_choose_from(page: Page) -> None:
    serves(page, model(), model("sentiment-lstm"), ner(), ner("ner-large"))
    choice = page.get_by_label("Model")
    choice.select_option("sentiment-lstm")

    open_tab(page)
    expect(choice.locator("option")).to_have_text(["ner", "ner-large"])
    choice.select_option("ner-large")
    with page.expect_request(re.compile("/v1/models/ner-large/predict$")):
        find(page, "Paris")

    page.get_by_role("tab", name="Text").click()
    expect(choice).to_have_value("sentiment-lstm")


def test_marks_fall_on_the_right_words_among_emoji(entities_tab: Page) -> None:
    show(entities_tab)

    own_text = "(marks) => marks.map((mark) => mark.firstChild.data)"
    assert marks(entities_tab).evaluate_all(own_text) == ["Ada", "Acme", "New York", "Ada"]
    whole = "(area) => [...area.childNodes].map((node) => (node.firstChild ?? node).data).join('')"
    assert findings(entities_tab).locator(".reading").evaluate(whole) == TEXT


def test_each_kind_is_named_and_counted(entities_tab: Page) -> None:
    show(entities_tab)

    kinds = findings(entities_tab).get_by_role("list", name="Entities of each kind")
    expect(kinds.get_by_role("listitem")).to_have_text(
        [
            re.compile(r"LOC\s*place\s*1"),
            re.compile(r"ORG\s*organisation\s*1"),
            re.compile(r"PER\s*person\s*2"),
        ]
    )
    expect(marks(entities_tab).locator(".kind")).to_have_text(["PER", "ORG", "LOC", "PER"])


def test_a_screen_reader_announces_how_many_were_found_and_how_sure_each_is(
    entities_tab: Page,
) -> None:
    show(entities_tab)

    expect(entities_tab.locator("#entities-status")).to_have_text("4 entities found.")
    expect(marks(entities_tab).first).to_have_text("AdaPER, 90.0% sure")


def test_how_sure_the_model_is_shows_where_one_points(entities_tab: Page) -> None:
    show(entities_tab)
    bubble = entities_tab.locator(".bubble")
    expect(bubble).to_be_hidden()

    marks(entities_tab).nth(1).hover()
    expect(bubble).to_have_text("organisation, 90.0% sure")
    entities_tab.keyboard.press("Escape")
    expect(bubble).to_be_hidden()


def test_arrow_keys_move_among_the_entities(entities_tab: Page) -> None:
    show(entities_tab)
    entities_tab.get_by_role("button", name="Copy as JSON").focus()
    bubble = entities_tab.locator(".bubble")

    for key, at, said in [
        ("Tab", 0, "person"),
        ("ArrowRight", 1, "organisation"),
        ("ArrowDown", 2, "place"),
        ("End", 3, "person"),
        ("ArrowRight", 0, "person"),
        ("ArrowLeft", 3, "person"),
    ]:
        entities_tab.keyboard.press(key)
        expect(marks(entities_tab).nth(at)).to_be_focused()
        expect(bubble).to_have_text(f"{said}, 90.0% sure")
    entities_tab.keyboard.press("Tab")
    expect(bubble).to_be_hidden()


def test_entities_are_copied_as_json(entities_tab: Page) -> None:
    entities_tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    entities_tab.clock.install()
    show(entities_tab)
    entities_tab.get_by_role("button", name="Copy as JSON").click()

    expect(findings(entities_tab).get_by_role("button", name="Copied")).to_be_visible()
    expect(findings(entities_tab).get_by_role("status")).to_have_text("4 entities copied as JSON.")
    copied = json.loads(entities_tab.evaluate("navigator.clipboard.readText()"))
    assert copied == entity_prediction(TEXT, *FOUND)["entities"]
    entities_tab.clock.fast_forward(5_000)
    expect(entities_tab.get_by_role("button", name="Copy as JSON")).to_be_visible()


def test_a_page_without_a_clipboard_copies_all_the_same(entities_tab: Page) -> None:
    entities_tab.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    entities_tab.evaluate(
        "addEventListener('copy', () => { window.copied = String(getSelection()) })"
    )
    show(entities_tab)
    entities_tab.get_by_role("button", name="Copy as JSON").click()

    expect(findings(entities_tab).get_by_role("button", name="Copied")).to_be_visible()
    assert len(json.loads(entities_tab.evaluate("window.copied"))) == 4


def test_a_browser_that_does_not_copy_is_reported(entities_tab: Page) -> None:
    refusal = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }"
    entities_tab.evaluate(refusal)
    show(entities_tab)
    entities_tab.get_by_role("button", name="Copy as JSON").click()

    expect(findings(entities_tab).get_by_role("button", name="Copying was refused")).to_be_visible()


def test_a_text_from_right_to_left_is_laid_out_so(entities_tab: Page) -> None:
    show(entities_tab, "آدا في باريس", ("PER", "آدا"), ("LOC", "باريس"))

    expect(entities_tab.get_by_label("Text to search")).to_have_css("direction", "rtl")
    expect(findings(entities_tab).locator(".reading")).to_have_css("direction", "rtl")


def test_markup_in_a_text_stays_text(entities_tab: Page) -> None:
    text = "<img src=x onerror=alert(1)> Ada <b>bold</b>"
    show(entities_tab, text, ("PER", "Ada <b>bold</b>"))

    expect(findings(entities_tab).locator("img, b")).to_have_count(0)
    expect(marks(entities_tab)).to_have_text(spoken("Ada <b>bold</b>"))


def test_a_label_that_nobody_knows_is_shown_as_it_is(page: Page) -> None:
    serves(page, model("genes", ["GENE"], "token-classification"))
    text = "BRCA1 is a gene"
    answers(page, entity_prediction(text, ("GENE", "BRCA1")), name="genes")
    find(page, text)

    marks(page).hover()
    expect(page.locator(".bubble")).to_have_text("GENE, 90.0% sure")


def test_a_long_text_says_how_it_was_read(entities_tab: Page) -> None:
    answers(entities_tab, entity_prediction("Ada", ("PER", "Ada"), windows=3), name="ner")
    find(entities_tab, "Ada")

    expect(findings(entities_tab).locator(".notice")).to_contain_text("in 3 overlapping windows")


def test_a_sample_is_searched_at_once(entities_tab: Page) -> None:
    with entities_tab.expect_request(PREDICT) as request:
        entities_tab.get_by_role("button", name="A postcard").click()
    assert "🇵🇹" in texts_of(request.value)[0]


def test_an_empty_text_is_noticed_before_anything_is_sent(entities_tab: Page) -> None:
    find(entities_tab, "  ")

    expect(entities_tab.locator("#entities-problem")).to_contain_text("There is no text yet")
    expect(entities_tab.get_by_label("Text to search")).to_be_focused()


def test_a_problem_takes_the_place_of_older_findings_and_can_be_tried_again(
    entities_tab: Page,
) -> None:
    show(entities_tab)
    refuses(entities_tab, 429, times=1, Retry_After="7")
    find(entities_tab, TEXT)
    problem = entities_tab.locator("#entities-problem")
    expect(problem).to_contain_text("Try again in 7 seconds.")
    expect(findings(entities_tab)).to_be_hidden()

    problem.get_by_role("button", name="Try again").click()
    expect(findings(entities_tab)).to_be_visible()
    expect(problem).to_be_empty()


def test_what_is_typed_in_one_tab_stays_there(entities_tab: Page) -> None:
    entities_tab.get_by_label("Text to search").fill("Ada")
    entities_tab.get_by_role("tab", name="Text").click()
    expect(entities_tab.get_by_label("Text to classify")).to_have_value("")
    entities_tab.get_by_role("tab", name="Entities").click()
    expect(entities_tab.get_by_label("Text to search")).to_have_value("Ada")


@pytest.fixture(params=["light", "dark"])
def themed(browser: Browser, page_url: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, page_url) as page:
        page.emulate_media(color_scheme=request.param)
        serves(page, model(), ner())
        open_tab(page)
        yield page


def test_the_tab_has_no_violations(themed: Page, axe: str) -> None:
    assert violations(themed, axe) == []

    labels = ("LOC", "MISC", "ORG", "PER")
    text = "Paris French Acme Ada"
    show(themed, text, *zip(labels, text.split(), strict=True))
    assert violations(themed, axe) == []

    marks(themed).first.hover()
    assert violations(themed, axe) == []


def test_no_entities_and_a_problem_have_no_violations(themed: Page, axe: str) -> None:
    answers(themed, entity_prediction("in"), name="ner")
    find(themed, "in")
    expect(findings(themed)).to_contain_text("No entities found")
    assert violations(themed, axe) == []

    refuses(themed, 503)
    find(themed, "in")
    expect(themed.locator("#entities-problem")).to_contain_text("not ready yet")
    assert violations(themed, axe) == []


def test_nothing_overflows_a_narrow_phone(entities_tab: Page) -> None:
    entities_tab.set_viewport_size({"width": 360, "height": 740})
    text = "met " * 12 + "Ada " + "met " * 40 + "Ada-Lovelace-" * 12
    show(entities_tab, text, ("PER", "Ada"), ("PER", "Ada-Lovelace-" * 12))
    for mark in marks(entities_tab).all():
        mark.focus()
        expect(entities_tab.locator(".bubble")).to_be_visible()
        assert overflow(entities_tab) <= 0
