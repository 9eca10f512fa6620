"""Similarity of texts, as a visitor compares them."""

import pytest
from playwright.sync_api import Page, expect

from .doubles import answers, model, serves

pytestmark = pytest.mark.browser


def vector(*numbers: float) -> dict[str, object]:
    return {"embedding": list(numbers), "tokens": 1, "windows": 1, "truncated": False}


@pytest.fixture
def similarity_tab(page: Page) -> Page:
    """The tab of a service whose answers are made up."""
    serves(page, model(), model("vectors", (), "feature-extraction"))
    page.get_by_role("tab", name="Similarity").click()
    page.locator("#similarity-panel:not([inert])").wait_for()
    return page


def compare(page: Page, text: str) -> None:
    page.get_by_label("Texts to compare").fill(text)
    page.get_by_role("button", name="Compare").click()


def test_lines_are_compared_with_the_first_and_the_most_similar_comes_first(
    similarity_tab: Page,
) -> None:
    expect(similarity_tab.get_by_role("heading", level=1)).to_have_text("Which texts are alike?")
    answers(similarity_tab, vector(1, 0), vector(0, 2), vector(3, 4), name="vectors")
    compare(similarity_tab, "a cat\n\na sum\na kitten\n")
    rows = similarity_tab.get_by_role("region", name="Similarities").get_by_role("listitem")
    expect(rows).to_have_text(["0.60 · a kitten", "0.00 · a sum"])


def test_a_text_alone_is_answered_with_the_size_of_its_vector(similarity_tab: Page) -> None:
    answers(similarity_tab, vector(1, 0, 0), name="vectors")
    compare(similarity_tab, "a cat")
    expect(similarity_tab.get_by_role("region", name="Similarities")).to_contain_text(
        "a vector of 3 numbers"
    )


def test_limits_are_those_of_one_text_and_of_their_number(page: Page) -> None:
    serves(page, model(), model("vectors", (), "feature-extraction", characters=10, texts=3))
    page.get_by_role("tab", name="Similarity").click()
    page.locator("#similarity-panel:not([inert])").wait_for()
    answers(page, *[vector(1, 0)] * 3, name="vectors")
    problem = page.locator("#similarity-problem")
    compare(page, "a cat\na kitten\n\nan orange")
    expect(page.get_by_role("region", name="Similarities").get_by_role("listitem")).to_have_count(2)

    compare(page, "a cat\n\nan elephant")
    expect(problem).to_contain_text("Text 2 is too long")
    expect(problem).to_contain_text("It has 11 characters; at most 10 can be read at once.")
    expect(page.locator("#similarity-count")).to_have_text("11 of 10 characters")

    compare(page, "a\nb\nc\nd")
    expect(problem).to_contain_text("There are 4; at most 3 can be read at once.")


def test_without_a_model_that_embeds_there_is_no_tab(page: Page) -> None:
    serves(page, model())
    expect(page.get_by_role("tab", name="Similarity")).to_be_hidden()


def test_a_text_from_right_to_left_does_not_turn_its_figure(similarity_tab: Page) -> None:
    answers(similarity_tab, vector(1, 0), vector(1, 0), name="vectors")
    compare(similarity_tab, "قطة\nقطة صغيرة")
    row = similarity_tab.get_by_role("region", name="Similarities").get_by_role("listitem")
    expect(row).to_have_text("1.00 · قطة صغيرة")
    expect(row).to_have_css("direction", "ltr")
    expect(row.locator("bdi")).to_have_css("direction", "rtl")
