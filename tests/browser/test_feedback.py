"""A visitor who knows better sends the right label, where the service logs its predictions."""

from typing import Literal

import pytest
from playwright.sync_api import Page, Route, expect

from .doubles import MODELS, PREDICT, Json, answer, model, prediction
from .test_accessibility import violations
from .test_text import classify

pytestmark = pytest.mark.browser

ID = "0123456789abcdef0123456789abcdef-0"
FEEDBACK = "**/v1/feedback"


def logs_predictions(page: Page, *predictions: Json) -> None:
    page.route(
        PREDICT,
        lambda route: route.fulfill(
            json=answer(predictions or [prediction()]), headers={"x-prediction-id": ID}
        ),
    )


def stub_feedback(page: Page, status: int = 202) -> list[Json]:
    """What is sent as feedback from now on."""
    sent: list[Json] = []

    def take(route: Route) -> None:
        sent.append(route.request.post_data_json or {})
        route.fulfill(status=status)

    page.route(FEEDBACK, take)
    return sent


@pytest.mark.parametrize(
    ("choice", "label"), [("Yes", "positive"), ("No, it is negative", "negative")]
)
def test_one_click_sends_the_right_label(page: Page, choice: str, label: str) -> None:
    logs_predictions(page)
    sent = stub_feedback(page)
    classify(page, "Lovely.")
    page.get_by_role("group", name="Was this right?").get_by_role("button", name=choice).click()

    expect(page.get_by_text("Thank you, noted.")).to_be_focused()
    assert sent == [{"id": ID, "model": "sentiment", "label": label}]
    expect(page.get_by_role("button", name="Yes")).to_have_count(0)


def test_of_many_labels_the_right_one_is_chosen(page: Page) -> None:
    served = [model(labels=["angry", "bored", "glad"])]
    page.route(MODELS, lambda route: route.fulfill(json={"models": served}))
    page.reload()
    glad = prediction("positive") | {"label": "glad", "scores": [{"label": "glad", "score": 0.9}]}
    logs_predictions(page, glad)
    sent = stub_feedback(page)
    classify(page, "Lovely.")
    page.get_by_text("No, it is …").click()
    page.get_by_role("button", name="bored").click()

    expect(page.get_by_text("Thank you, noted.")).to_be_visible()
    assert sent[0]["label"] == "bored"


def test_the_question_and_its_answer_have_no_violations(page: Page, axe: str) -> None:
    logs_predictions(page)
    stub_feedback(page)
    schemes: list[Literal["light", "dark"]] = ["light", "dark"]
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        classify(page, "Lovely.")
        expect(page.get_by_role("group", name="Was this right?")).to_be_visible()
        assert violations(page, axe) == []
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_text("Thank you, noted.")).to_be_visible()
        assert violations(page, axe) == []


def test_what_could_not_be_sent_can_be_sent_again(page: Page) -> None:
    logs_predictions(page)
    stub_feedback(page, status=503)
    classify(page, "Lovely.")
    page.get_by_role("button", name="Yes").click()

    expect(page.get_by_text("could not be sent")).to_be_visible()
    sent = stub_feedback(page)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Thank you, noted.")).to_be_visible()
    assert len(sent) == 1


def test_the_words_that_decided_it_are_no_second_prediction(page: Page) -> None:
    asked: list[str | None] = []

    def take(route: Route) -> None:
        asked.append(route.request.headers.get("x-prediction-log"))
        route.fulfill(json=answer([prediction()]), headers={"x-prediction-id": ID})

    page.route(PREDICT, take)
    with page.expect_response(lambda response: len(asked) == 2):
        classify(page, "Lovely.")
    assert asked == [None, "off"]


def test_a_service_that_logs_nothing_asks_nothing(page: Page) -> None:
    classify(page, "Lovely.")

    expect(page.locator(".verdict-score")).to_be_visible()
    expect(page.get_by_text("Was this right?")).to_have_count(0)
