"""What a visitor with one text sees."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from .doubles import PREDICT, answer, answers, answers_each, model, ner, prediction, serves

pytestmark = pytest.mark.browser


def classify(page: Page, text: str) -> None:
    page.get_by_label("Text to classify").fill(text)
    page.get_by_role("button", name="Classify").click()


def test_a_sample_gets_a_verdict_with_its_decisive_words_marked(page: Page) -> None:
    page.get_by_role("button", name="A love letter").click()

    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict.get_by_role("heading", level=2)).not_to_be_empty()
    expect(verdict.locator(".verdict-score")).to_have_text(re.compile(r"[\d.]+% sure"))
    expect(verdict.locator(".reading mark").first).to_be_visible()


def test_the_headline_asks_what_the_model_answers(page: Page) -> None:
    headline = page.get_by_role("heading", level=1)
    expect(headline).to_have_text("Is this text negative or positive?")
    serves(page, model(labels=["billing", "bug", "feature", "praise"]), ner())
    expect(headline).to_have_text("Is this text billing, bug, feature or praise?")
    page.get_by_role("tab", name="Entities").click()
    expect(headline).to_have_text("What does this text name?")
    serves(page, model(labels=[f"a long name of topic {number}" for number in range(12)]))
    expect(headline).to_have_text("Which label fits this text?")


def test_a_model_of_other_texts_shows_no_film_reviews(page: Page) -> None:
    tickets = model("tickets", ["billing", "bug"]) | {"metrics": {"tickets-test": {"accuracy": 1}}}
    expect(page.get_by_role("button", name="A love letter")).to_be_visible()
    serves(page, tickets)
    expect(page.get_by_role("group", name="Try one")).to_be_hidden()
    expect(page.locator(".chip")).to_have_count(0)
    page.get_by_role("tab", name="File").click()
    expect(page.get_by_role("button", name="Choose a file")).to_be_visible()
    expect(page.get_by_role("button", name="Use a sample file")).to_be_hidden()


def test_the_samples_of_a_manifest_are_offered_for_its_model_alone(tiny_page: Page) -> None:
    chips = tiny_page.locator("#text-samples .chip")
    expect(chips).to_have_count(0)
    tiny_page.get_by_label("Model").select_option("sentiment-lstm")
    expect(chips).to_have_text(
        ["A good film.", 'A "dull" film.', "A long text that is cut off whe…"]
    )
    chips.nth(1).click()
    expect(tiny_page.get_by_label("Text to classify")).to_have_value('A "dull" film.')
    expect(tiny_page.locator("#verdict h2")).to_have_text("negative")

    tiny_page.get_by_role("tab", name="File").click()
    tiny_page.get_by_role("button", name="Use a sample file").click()
    expect(tiny_page.get_by_role("region", name="Chosen file")).to_contain_text("sample.csv")
    tiny_page.get_by_role("button", name="Score 3 rows").click()
    expect(tiny_page.get_by_role("region", name="Results")).to_contain_text("3 rows scored")


def test_the_verdict_names_the_model_its_version_and_the_time_it_took(page: Page) -> None:
    classify(page, "A small film with an enormous heart.")

    facts = page.get_by_role("region", name="Verdict").locator(".facts")
    expect(facts).to_contain_text(re.compile(r"Version\s*\d{8}-[0-9a-f]{8}"))
    expect(facts).to_contain_text(re.compile(r"Computed in\s*[\d.,]+ m?s"))
    expect(facts).to_contain_text(re.compile(r"Round trip\s*[\d.,]+ m?s"))


def test_the_verdict_of_a_cascade_names_the_stage_that_answered(tiny_page: Page) -> None:
    facts = tiny_page.locator("#verdict .facts")
    classify(tiny_page, "A good film.")
    expect(facts).to_contain_text("Computed in")
    expect(facts).not_to_contain_text("Answered by")

    tiny_page.get_by_label("Model").select_option("cascaded")
    classify(tiny_page, "good film")
    expect(facts).to_contain_text(re.compile(r"Answered by\s*the first stage"))
    expect(tiny_page.locator(".reading mark").first).to_have_text("good")
    classify(tiny_page, "dull film")
    expect(facts).to_contain_text(re.compile(r"Answered by\s*the full model"))


def test_control_enter_asks_for_the_verdict(page: Page) -> None:
    page.get_by_label("Text to classify").fill("Funny, tender and over far too soon.")
    page.keyboard.press("Control+Enter")

    expect(page.get_by_role("region", name="Verdict")).to_be_visible()


def test_a_screen_reader_announces_the_verdict(page: Page) -> None:
    answers(page, prediction("positive", 0.9))
    classify(page, "Lovely.")

    expect(page.locator("#text-status")).to_have_text("positive, 90.0% sure.")


def test_near_certainty_is_not_rounded_up_to_certainty(page: Page) -> None:
    answers(page, prediction("positive", 0.99999))
    classify(page, "Lovely.")

    expect(page.locator(".verdict-score")).to_have_text("> 99.9% sure")


def test_marks_fall_on_the_right_words_after_an_emoji(page: Page) -> None:
    text = "🐈🍿 superb cat, dull dog"
    highlights = [
        {"start": 3, "end": 9, "weight": 0.8},
        {"start": 15, "end": 19, "weight": -0.4},
    ]
    answers(page, prediction(highlights=highlights))
    classify(page, text)

    expect(page.locator(".reading mark")).to_have_text(["superb", "dull"])
    expect(page.locator(".reading")).to_have_text(text)


def test_what_supports_and_what_speaks_against_differ_by_more_than_colour(page: Page) -> None:
    highlights = [{"start": 0, "end": 4, "weight": 0.8}, {"start": 5, "end": 9, "weight": -0.8}]
    answers(page, prediction(highlights=highlights))
    classify(page, "good evil")

    marks = page.locator(".reading mark")
    supports, against = marks.first, marks.last
    expect(supports).to_have_css("text-decoration-style", "solid")
    expect(against).to_have_css("text-decoration-style", "dotted")
    expect(supports).to_have_attribute("title", "supports “positive” (+0.80)")
    expect(against).to_have_attribute("title", "speaks against “positive” (\N{MINUS SIGN}0.80)")


def test_a_screen_reader_announces_which_words_decided(page: Page) -> None:
    highlights = [{"start": 0, "end": 4, "weight": 0.8}, {"start": 5, "end": 9, "weight": -0.8}]
    answers(page, prediction(highlights=highlights))
    classify(page, "good evil")

    expect(page.locator(".explanation .unseen")).to_have_text(
        "Words that support positive: good. Words that speak against it: evil. "
    )


def test_200_000_telling_words_are_marked(page: Page) -> None:
    marked = page.evaluate(
        """async () => {
            const { drawVerdict } = await import(new URL("web/verdict.js", document.baseURI));
            const region = document.createElement("section");
            const word = (_, at) => ({ start: 2 * at, end: 2 * at + 1, weight: 1 });
            const highlights = Array.from({ length: 200_000 }, word);
            const prediction = { label: "good", score: 1, tokens: 1, highlights };
            const shown = { labels: ["good"], model: {}, timings: {}, roundTrip: 0 };
            drawVerdict(region, { text: "a ".repeat(200_000), prediction, ...shown });
            return region.querySelectorAll(".reading mark").length;
        }"""
    )
    assert marked == 200_000


def test_nothing_is_awaited_beside_a_verdict(page: Page) -> None:
    def answer_first(route: Route) -> None:
        if "explain" not in (route.request.post_data_json or {})["parameters"]:
            route.fulfill(json=answer([prediction()]))

    page.clock.install()
    page.route(PREDICT, answer_first)
    classify(page, "Lovely.")
    expect(page.locator("#verdict h2")).to_have_text("positive")
    page.clock.fast_forward(5_000)

    expect(page.get_by_text("Still reading.")).to_be_hidden()
    expect(page.get_by_role("button", name="Classify")).not_to_have_attribute("aria-busy", "true")


def test_words_that_were_not_weighed_are_weighed_again_without_another_prediction(
    page: Page,
) -> None:
    asked: list[bool] = []

    def refuse_to_explain_once(route: Route) -> None:
        explains = "explain" in (route.request.post_data_json or {})["parameters"]
        asked.append(explains)
        if asked.count(True) == 1 and explains:
            route.fulfill(status=429, json={})
        else:
            weighed = [{"start": 0, "end": 6, "weight": 1}] if explains else []
            route.fulfill(json=answer([prediction(highlights=weighed)]))

    page.route(PREDICT, refuse_to_explain_once)
    classify(page, "Lovely.")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".reading mark")).to_have_text("Lovely")
    expect(page.locator("#text-problem")).to_be_empty()
    assert asked == [False, True, True]


def test_a_text_from_right_to_left_is_laid_out_so(page: Page) -> None:
    own = model() | {"samples": ["فيلم رائع"]}
    serves(page, own)
    answers(page, prediction(highlights=[{"start": 5, "end": 9, "weight": 1}]))
    chip = page.get_by_role("button", name="فيلم رائع")
    chip.click()

    for shown in (chip, page.get_by_label("Text to classify"), page.locator(".reading")):
        expect(shown).to_have_css("direction", "rtl")
    page.get_by_role("tab", name="File").click()
    page.get_by_role("button", name="Use a sample file").click()
    page.get_by_role("button", name="Score 1 row").click()
    expect(page.get_by_role("cell", name="فيلم رائع")).to_have_css("direction", "rtl")


def test_markup_in_a_text_stays_text(page: Page) -> None:
    text = "<img src=x onerror=alert(1)> <b>bold</b>"
    answers(page, prediction(highlights=[{"start": 0, "end": 4, "weight": 0.8}]))
    classify(page, text)

    expect(page.locator(".reading")).to_have_text(text)
    expect(page.locator(".reading img, .reading b")).to_have_count(0)


def test_a_text_that_was_cut_is_reported(page: Page) -> None:
    answers(page, prediction(truncated=True))
    classify(page, "Very long.")

    expect(page.locator(".notice")).to_contain_text("only its beginning was read")


def test_a_text_of_several_windows_is_reported(page: Page) -> None:
    answers(page, prediction(windows=3, tokens=1200))
    classify(page, "Very long.")

    expect(page.locator(".notice")).to_contain_text("(1,200 tokens): it was read in 3 overlapping")


def test_every_label_of_a_model_with_many_has_a_bar(page: Page) -> None:
    labels = [f"topic {number}" for number in range(12)]
    scores = [{"label": label, "score": 1 / 12} for label in labels]
    serves(page, model(labels=labels))
    answers(page, prediction() | {"label": "topic 0", "score": 1 / 12, "scores": scores})
    classify(page, "Something about everything.")

    page.get_by_text("All 12 labels").click()
    expect(page.locator(".bars .bar-label")).to_have_text(labels)


def test_a_lone_model_offers_no_choice(page: Page) -> None:
    serves(page, model(), ner())

    expect(page.get_by_label("Model")).to_be_hidden()


def test_the_chosen_model_is_the_one_that_answers(page: Page) -> None:
    serves(page, model(), model("sentiment-lstm"))
    answers(page, prediction())
    page.get_by_label("Model").select_option("sentiment-lstm")

    with page.expect_request(re.compile("/v1/models/sentiment-lstm/predict$")):
        classify(page, "Lovely.")


def test_the_page_works_below_a_path_prefix(page: Page, page_url: str) -> None:
    def strip(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/stage/", "/")))

    page.route(re.compile("/stage/"), strip)
    page.goto(f"{page_url}stage/")
    classify(page, "Warm, witty and wonderfully strange.")

    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    expect(page.get_by_role("link", name="API documentation")).to_have_attribute("href", "docs")
    page.unroute_all(behavior="wait")  # a late request would fail the next test


def test_a_model_of_several_labels_shows_all_that_a_text_has(page: Page) -> None:
    labels = ["billing", "bug", "praise"]
    serves(page, model("topics", labels) | {"answer_key": "labels"})
    expect(page.get_by_role("heading", level=1)).to_have_text("Which labels fit this text?")
    scores = zip(["bug", "billing", "praise"], [0.9, 0.7, 0.1], strict=True)
    found = {
        "labels": ["bug", "billing"],
        "scores": [{"label": label, "score": score} for label, score in scores],
        **dict.fromkeys(("tokens", "windows"), 1),
        "truncated": False,
    }
    answers(page, found, name="topics")
    classify(page, "The bill page crashes.")
    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict.get_by_role("heading", level=2)).to_have_text("bug, billing")
    expect(verdict.locator(".verdict-score")).to_have_text("90.0% sure")
    expect(verdict.locator(".bar-value")).to_have_text(["90.0%", "70.0%", "10.0%"])
    expect(page.locator("#text-status")).to_have_text("bug, billing, 90.0% sure.")
    weighed = [{"start": 0, "end": 7, "weight": 1}]
    answers(page, found | {"labels": [], "highlights": weighed}, name="topics")
    classify(page, "Nothing.")
    expect(verdict.get_by_role("heading", level=2)).to_have_text("No label")
    expect(verdict.locator(".verdict-score, .explanation")).to_have_count(0)
    expect(verdict.locator(".verdict-head")).to_have_attribute("data-tone", "none")
    expect(page.locator("#text-status")).to_have_text("No label.")


def test_a_model_of_numbers_shows_the_number(page: Page) -> None:
    serves(page, model("stars", ["stars"]) | {"answer_key": "score"})
    expect(page.get_by_role("heading", level=1)).to_have_text("How does this text score?")
    answers(page, {"score": 4.21875, "tokens": 3, "windows": 1, "truncated": False}, name="stars")
    classify(page, "A good film.")
    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict.get_by_role("heading", level=2)).to_have_text("4.219")
    expect(verdict.locator(".verdict-score")).to_have_count(0)
    expect(page.locator("#text-status")).to_have_text("4.219.")


def test_a_model_of_pairs_has_a_second_field_and_sends_both(page: Page) -> None:
    expect(page.get_by_label("Second text")).to_be_hidden()
    serves(page, model(labels=["entailment", "neutral"]) | {"pairs": True})
    asked = answers_each(page, lambda _: prediction("entailment"))
    page.get_by_label("Second text").fill("Somebody is outside.")
    classify(page, "A man walks his dog.")
    expect(page.locator("#verdict h2")).to_have_text("entailment")
    pair: Any = {"text": "A man walks his dog.", "text_pair": "Somebody is outside."}
    assert asked == [[pair]]


def test_the_second_text_of_a_pair_is_checked_as_the_first_is(page: Page) -> None:
    serves(page, model(labels=["entailment", "neutral"], characters=20) | {"pairs": True})
    second, problem = page.get_by_label("Second text"), page.locator("#text-problem")
    classify(page, "A man walks.")
    expect(problem).to_contain_text("There is no second text yet")
    expect(second).to_have_attribute("aria-invalid", "true")

    second.fill("Somebody is outside.!")
    expect(page.locator("#text-count")).to_have_text("21 of 20 characters")
    second.press("Control+Enter")
    expect(problem).to_contain_text("This second text is too long")
    expect(second).to_be_focused()
    expect(page.get_by_label("Text to classify")).to_have_attribute("aria-invalid", "false")
