"""What a visitor reads when something is in the way."""

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .doubles import PREDICT, answer, model, prediction, refuses, serves

pytestmark = pytest.mark.browser

KEY = "open sesame"


def classify(page: Page, text: str = "Lovely.") -> None:
    page.get_by_label("Text to classify").fill(text)
    page.get_by_role("button", name="Classify").click()


def alert(page: Page) -> Locator:
    return page.locator("#text-problem")


def wants_key(route: Route) -> None:
    if route.request.headers.get("authorization") == f"Bearer {KEY}":
        route.fulfill(json=answer([prediction()]))
    else:
        route.fulfill(status=401, content_type="application/problem+json", body="{}")


def give_key(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()


def test_an_empty_text_is_noticed_before_anything_is_sent(page: Page) -> None:
    classify(page, "   ")

    expect(alert(page)).to_contain_text("There is no text yet")
    expect(page.get_by_label("Text to classify")).to_be_focused()


def test_a_text_over_the_limit_is_noticed_before_anything_is_sent(page: Page) -> None:
    serves(page, model(characters=20))
    classify(page, "🐈" * 21)

    expect(alert(page)).to_contain_text("It has 21 characters; at most 20 can be read at once.")


def test_the_count_shows_the_limit_when_it_comes_near(page: Page) -> None:
    serves(page, model(characters=20))
    page.get_by_label("Text to classify").fill("🐈" * 18)

    expect(page.locator("#text-count")).to_have_text("18 of 20 characters")


def test_offline_is_called_offline_and_trying_again_works(page: Page) -> None:
    page.context.set_offline(True)
    classify(page)
    expect(alert(page)).to_contain_text("You are offline")

    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Classify")).to_be_focused()
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    expect(alert(page)).to_be_empty()


def test_a_service_that_does_not_answer_is_distinguished_from_being_offline(page: Page) -> None:
    page.route(PREDICT, lambda route: route.abort("connectionrefused"))
    classify(page)

    expect(alert(page)).to_contain_text("The service cannot be reached")


def test_a_key_is_asked_for_once_and_kept_for_the_tab(page: Page) -> None:
    page.route(PREDICT, wants_key)
    classify(page)
    give_key(page, KEY)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()

    page.reload()
    classify(page)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_wrong_key_is_not_kept_and_another_can_be_entered(page: Page) -> None:
    page.route(PREDICT, wants_key)
    classify(page)
    give_key(page, "wrong")
    expect(alert(page)).to_contain_text("A key is wanted")

    page.get_by_role("button", name="Enter the key").click()
    expect(page.get_by_role("dialog")).to_contain_text("did not accept the last key")
    give_key(page, KEY)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()


def test_the_key_can_be_declined(page: Page) -> None:
    page.route(PREDICT, wants_key)
    classify(page)
    page.get_by_role("button", name="Not now").click()

    expect(alert(page)).to_contain_text("A key is wanted")


def test_a_busy_service_says_when_to_come_back(page: Page) -> None:
    refuses(page, 429, Retry_After="7")
    classify(page)

    expect(alert(page)).to_contain_text("The service is busy")
    expect(alert(page)).to_contain_text("Try again in 7 seconds.")


def test_a_gateway_that_answers_in_html_is_not_shown_raw(page: Page) -> None:
    page.route(PREDICT, lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    classify(page)

    expect(alert(page)).to_contain_text("Something went wrong on the server")
    expect(alert(page)).to_contain_text("502")
    expect(alert(page)).not_to_contain_text("Bad Gateway")


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (404, "This model is not served here"),
        (413, "That is too much at once"),
        (422, "The service refused this request"),
        (503, "The model is not ready yet"),
        (504, "The answer took too long"),
    ],
)
def test_each_refusal_has_words_of_its_own(page: Page, status: int, title: str) -> None:
    refuses(page, status, detail="the reason")
    classify(page)

    expect(alert(page)).to_contain_text(title)


def test_a_problem_takes_the_place_of_an_older_verdict(page: Page) -> None:
    classify(page)
    expect(page.get_by_role("region", name="Verdict")).to_be_visible()

    refuses(page, 503)
    classify(page)
    expect(alert(page)).to_contain_text("The model is not ready yet")
    expect(page.get_by_role("region", name="Verdict")).to_be_hidden()
