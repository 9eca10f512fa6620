"""A service that answers nothing without a key, as one is deployed."""

import pytest
from playwright.sync_api import Page, expect

from .doubles import PREDICT, Json, entity_prediction, model, ner, prediction, wants_key
from .test_file import choose, open_tab, score
from .test_problems import KEY, alert, classify, give_key

pytestmark = pytest.mark.browser

VECTORS = model("sentiment", (), "feature-extraction")


def positive(_: str) -> Json:
    return prediction()


def test_the_key_is_asked_for_on_the_first_submit_and_then_the_models_are_known(page: Page) -> None:
    served = [model(characters=20), model("sentiment-lstm"), ner()]
    wants_key(page, KEY, *served, predict=positive)
    expect(page.get_by_role("dialog")).to_be_hidden()
    classify(page)
    give_key(page, KEY)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    expect(page.get_by_label("Model").locator("option")).to_have_count(2)
    expect(page.get_by_role("tab", name="Entities")).to_be_visible()


def test_a_text_over_a_limit_that_only_the_key_reveals_is_not_sent(page: Page) -> None:
    wants_key(page, KEY, model(characters=20), predict=positive)
    classify(page, "🐈" * 21)
    give_key(page, KEY)
    expect(alert(page)).to_contain_text("It has 21 characters; at most 20 can be read at once.")


def test_a_model_of_pairs_asks_for_the_second_text(page: Page) -> None:
    wants_key(page, KEY, model() | {"pairs": True}, predict=positive)
    classify(page)
    give_key(page, KEY)
    second = page.get_by_label("Second text")
    expect(alert(page)).to_contain_text("There is no second text yet")
    expect(second).to_be_focused()
    second.fill("Good.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    expect(alert(page)).to_be_empty()


def test_a_model_of_entities_opens_its_own_tab(page: Page) -> None:
    def find_ada(text: str) -> Json:
        return entity_prediction(text, ("PER", "Ada"))

    wants_key(page, KEY, ner("sentiment"), predict=find_ada)
    classify(page)
    give_key(page, KEY)
    expect(page.get_by_role("tab")).to_have_text(["Entities"])
    expect(page.get_by_role("tab")).to_be_focused()
    page.get_by_label("Text to search").fill("Ada left.")
    page.get_by_role("button", name="Find entities").click()
    expect(page.get_by_role("heading", name="1 entity")).to_be_visible()


def test_a_model_of_embeddings_opens_its_own_tab(page: Page) -> None:
    wants_key(page, KEY, VECTORS, predict=lambda _: {"embedding": [1, 0], "tokens": 1})
    classify(page)
    give_key(page, KEY)
    page.get_by_label("Texts to compare").fill("a cat\na kitten")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("region", name="Similarities")).to_contain_text("1.00 · a kitten")


def test_a_file_is_scored_within_limits_that_only_the_key_reveals(page: Page) -> None:
    wants_key(page, KEY, model(characters=10), predict=positive)
    open_tab(page)
    choose(page, "reviews.csv", "text\ngood\nmuch too long a text\n")
    score(page)
    give_key(page, KEY)
    outcome = page.get_by_role("region", name="Results")
    expect(outcome).to_contain_text("1 row could not be scored")


@pytest.mark.parametrize("unsuited", [{"pairs": True}, {"answer_key": "score"}])
def test_a_file_for_which_the_model_is_of_no_use_is_not_sent(page: Page, unsuited: Json) -> None:
    wants_key(page, KEY, model() | unsuited, predict=positive)
    open_tab(page)
    choose(page, "reviews.csv", "text\ngood\n")
    score(page)
    give_key(page, KEY)
    expect(page.locator("#file-problem")).to_contain_text("does not score files by numbers")
    expect(page.get_by_role("button", name="Score 1 row")).to_be_visible()


def test_a_service_without_a_model_for_this_page_is_distinguished(page: Page) -> None:
    wants_key(page, KEY, predict=positive)
    classify(page)
    give_key(page, KEY)
    expect(alert(page)).to_contain_text("The service has no model for this.")


@pytest.mark.parametrize("stray", ["\N{ZERO WIDTH SPACE}", "\N{RIGHT DOUBLE QUOTATION MARK}", "é"])
def test_a_key_with_a_character_that_cannot_be_sent_is_refused_in_words(
    page: Page, stray: str
) -> None:
    wants_key(page, KEY, model(), predict=positive)
    classify(page)
    give_key(page, KEY + stray)
    expect(page.get_by_role("dialog")).to_contain_text("a character that no key has")
    give_key(page, KEY)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()


def test_without_storage_the_page_keeps_the_key_until_it_is_left(page: Page) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', "
        "{ get() { throw new DOMException('denied', 'SecurityError') } })"
    )
    wants_key(page, KEY, model(), predict=positive)
    classify(page)
    give_key(page, KEY)
    expect(page.locator("#verdict h2")).to_have_text("positive")
    with page.expect_request(PREDICT) as asked:
        classify(page, "Lovely again.")
    assert asked.value.header_value("authorization") == f"Bearer {KEY}"
