"""What a visitor with a file sees, and what the downloaded file holds."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from .doubles import (
    PREDICT,
    Json,
    answer,
    answers_each,
    model,
    prediction,
    refuses,
    serves,
    texts_of,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def file_tab(page: Page) -> Page:
    open_tab(page)
    return page


def open_tab(page: Page) -> None:
    page.get_by_role("tab", name="File").click()
    page.locator("#file-panel:not([inert])").wait_for()


def choose(page: Page, name: str, content: str | bytes) -> None:
    buffer = content.encode() if isinstance(content, str) else content
    payload: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": buffer}
    page.locator("#file").set_input_files(payload)


def score(page: Page) -> None:
    page.locator("#score").click()


def outcome(page: Page) -> Locator:
    return page.get_by_role("region", name="Results")


def downloaded(page: Page) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download results").click()
    return Path(download.value.path()).read_bytes().decode()


def records(text: str, delimiter: str = ",") -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def by_wording(text: str) -> Json:
    return prediction("negative", 0.8) if "bad" in text else prediction("positive", 0.9)


def reviews(count: int) -> str:
    return "text\n" + "".join(f"review {number}\n" for number in range(count))


def test_a_csv_file_comes_back_with_label_and_score(file_tab: Page) -> None:
    choose(file_tab, "reviews.csv", "id,text\n1,Warm and witty.\n2,Awful and dull.\n")
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("2 rows scored")
    rows = records(downloaded(file_tab))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert all(row["label"] and 0 < float(row["score"]) <= 1 for row in rows)


def test_the_download_is_named_after_the_file(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    choose(file_tab, "reviews.csv", "text\ngood\n")
    score(file_tab)

    with file_tab.expect_download() as download:
        file_tab.get_by_role("button", name="Download results").click()
    assert download.value.suggested_filename == "reviews.scored.csv"


def test_the_sample_file_is_scored_and_charted(file_tab: Page) -> None:
    file_tab.get_by_role("button", name="Use a sample file").click()
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("20 rows scored")
    expect(outcome(file_tab).get_by_role("img")).to_have_count(2)


def test_the_charts_say_in_words_what_they_show(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    choose(file_tab, "reviews.csv", "text\ngood\nbad\ngood\n")
    score(file_tab)

    charts = outcome(file_tab)
    expect(charts.get_by_role("img", name="Rows per label: positive 2, negative 1")).to_be_visible()
    expect(charts.get_by_role("img", name="How sure: 2 rows of 3 at 90% or more")).to_be_visible()


def test_quotes_commas_and_line_breaks_survive(file_tab: Page) -> None:
    requests = answers_each(file_tab, by_wording)
    text = 'She said "no",\r\nand left; 🍿'
    quoted = text.replace('"', '""')
    choose(file_tab, "reviews.csv", f'id,text,note\r\n1,"{quoted}",""\r\n')
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("1 row scored")
    assert requests == [[text]]
    [row] = records(downloaded(file_tab))
    assert (row["id"], row["text"], row["note"]) == ("1", text, "")


def test_a_spreadsheet_with_byte_order_mark_and_semicolons_keeps_both(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    choose(file_tab, "reviews.csv", "\ufeffid;text\r\n1;good, really\r\n")
    score(file_tab)

    content = downloaded(file_tab)
    assert content == "\ufeffid;text;label;score\r\n1;good, really;positive;0.9\r\n"


def test_json_lines_come_back_as_they_were_with_the_outcome_added(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    line = '{"id": 12345678901234567890, "text": "good", "tags": ["a"]}'
    choose(file_tab, "reviews.jsonl", f'{line}\n{{"text": "bad"}}\n')
    score(file_tab)

    first, second = downloaded(file_tab).splitlines()
    assert json.loads(first) == json.loads(line) | {"label": "positive", "score": 0.9}
    assert json.loads(second) == {"text": "bad", "label": "negative", "score": 0.8}


def test_rows_that_cannot_be_scored_are_kept_with_the_reason(page: Page) -> None:
    serves(page, model(characters=10))
    open_tab(page)
    answers_each(page, by_wording)
    choose(page, "reviews.csv", "id,text\n1,good\n2,\n3,much too long a text\n")
    page.get_by_label("Text column").select_option("text")
    score(page)

    expect(outcome(page)).to_contain_text("2 rows could not be scored")
    errors = [row["error"] for row in records(downloaded(page))]
    assert errors == ["", "no text", "too long: 20 characters, at most 10"]


def test_a_file_that_is_already_labelled_keeps_its_labels(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    choose(file_tab, "reviews.csv", "text,label\ngood,negative\n")
    score(file_tab)

    [row] = records(downloaded(file_tab))
    assert (row["label"], row["predicted_label"], row["score"]) == ("negative", "positive", "0.9")


def test_the_column_that_is_picked_is_the_one_that_is_read(file_tab: Page) -> None:
    requests = answers_each(file_tab, by_wording)
    choose(file_tab, "mails.csv", "subject,body\nhello,a long letter\n")
    expect(file_tab.get_by_label("Text column")).to_have_value("body")
    file_tab.get_by_label("Text column").select_option("subject")
    score(file_tab)

    expect(outcome(file_tab)).to_be_visible()
    assert requests == [["hello"]]


def test_a_single_column_needs_no_picking(file_tab: Page) -> None:
    choose(file_tab, "reviews.csv", reviews(2))

    expect(file_tab.get_by_label("Text column")).to_be_hidden()


def test_a_large_file_goes_in_small_requests(file_tab: Page) -> None:
    requests = answers_each(file_tab, by_wording)
    choose(file_tab, "reviews.csv", reviews(50))
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("50 rows scored")
    assert sorted(len(texts) for texts in requests) == [2, 16, 16, 16]


def test_requests_respect_the_limits_of_the_service(page: Page) -> None:
    serves(page, model(texts=3))
    open_tab(page)
    requests = answers_each(page, by_wording)
    choose(page, "reviews.csv", reviews(7))
    score(page)

    expect(outcome(page)).to_contain_text("7 rows scored")
    assert max(len(texts) for texts in requests) == 3


def test_rows_without_a_label_have_no_score(page: Page) -> None:
    serves(page, model(labels=["bug", "praise"]) | {"answer_key": "labels"})
    open_tab(page)

    def by_topic(text: str) -> Json:
        scores = [{"label": "bug", "score": 0.9}, {"label": "praise", "score": 0.1}]
        return {"labels": ["bug"] if text == "bad" else [], "scores": scores}

    answers_each(page, by_topic)
    choose(page, "mails.csv", "text\nhello\nbad\n")
    score(page)

    expect(outcome(page).get_by_role("row").nth(1)).to_have_text("helloNo label–")
    expect(outcome(page).get_by_role("img", name="How sure: 1 row of 1")).to_be_visible()
    assert downloaded(page) == "text,label,score\r\nhello,No label,\r\nbad,bug,0.9\r\n"

    choose(page, "mails.jsonl", '{"text": "hello"}\n')
    score(page)
    expect(outcome(page).get_by_role("img")).to_have_count(1)
    assert json.loads(downloaded(page)) == {"text": "hello", "label": "No label"}


def test_the_results_of_200_000_rows_are_drawn(file_tab: Page) -> None:
    file_tab.evaluate(
        """async () => {
            const { drawOutcome } = await import(new URL("web/outcome.js", document.baseURI));
            const outcomes = Array.from({ length: 200_000 }, () => ({ label: "good", score: 0.7 }));
            const table = { outcomes, textOf: () => "a text", labels: ["good"], remaining: 0 };
            drawOutcome(document.getElementById("outcome"), table);
        }"""
    )

    expect(outcome(file_tab)).to_contain_text("200,000 rows scored")
    expect(outcome(file_tab).get_by_role("img", name="How sure")).to_be_visible()


def test_a_busy_service_is_asked_again(file_tab: Page) -> None:
    answers_each(file_tab, by_wording)
    refuses(file_tab, 429, times=2, Retry_After="0")
    choose(file_tab, "reviews.csv", reviews(40))
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("40 rows scored")


def test_one_refused_text_does_not_spoil_its_neighbours(file_tab: Page) -> None:
    def respond(route: Route) -> None:
        texts = texts_of(route.request)
        if "review 5" in texts:
            route.fulfill(status=422, json={"detail": "not this one"})
        else:
            route.fulfill(json=answer([by_wording(text) for text in texts]))

    file_tab.route(PREDICT, respond)
    choose(file_tab, "reviews.csv", reviews(16))
    score(file_tab)

    expect(outcome(file_tab)).to_contain_text("15 rows scored")
    rows = records(downloaded(file_tab))
    assert [row["text"] for row in rows if row["error"] == "not this one"] == ["review 5"]


def test_a_run_can_be_cancelled_and_the_rest_scored_later(file_tab: Page) -> None:
    held: list[Route] = []

    def respond(route: Route) -> None:
        texts = texts_of(route.request)
        if "review 0" in texts:
            route.fulfill(json=answer([by_wording(text) for text in texts]))
        else:
            held.append(route)

    file_tab.route(PREDICT, respond)
    choose(file_tab, "reviews.csv", reviews(40))
    score(file_tab)
    expect(file_tab.locator("#progress-text")).to_contain_text("16 of 40")
    file_tab.get_by_role("button", name="Cancel").click()
    expect(outcome(file_tab)).to_contain_text("24 rows are not scored yet.")
    assert [row["error"] for row in records(downloaded(file_tab))].count("not scored") == 24

    file_tab.unroute(PREDICT)
    requests = answers_each(file_tab, by_wording)
    file_tab.get_by_role("button", name="Score the remaining 24").click()
    expect(outcome(file_tab)).to_contain_text("40 rows scored")
    assert sum(len(texts) for texts in requests) == 24


def test_two_requests_that_want_a_key_ask_for_it_once(file_tab: Page) -> None:
    def respond(route: Route) -> None:
        if route.request.headers.get("authorization"):
            route.fulfill(json=answer([by_wording(text) for text in texts_of(route.request)]))
        else:
            route.fulfill(status=401, json={})

    file_tab.route(PREDICT, respond)
    choose(file_tab, "reviews.csv", reviews(40))
    score(file_tab)
    file_tab.get_by_label("Key", exact=True).fill("open sesame")
    file_tab.get_by_role("button", name="Use this key").click()

    expect(outcome(file_tab)).to_contain_text("40 rows scored")
    expect(file_tab.get_by_role("dialog")).to_be_hidden()


def test_a_server_that_fails_from_the_start_ends_the_run_with_a_way_on(file_tab: Page) -> None:
    refuses(file_tab, 500)
    choose(file_tab, "reviews.csv", reviews(20))
    score(file_tab)
    expect(file_tab.locator("#file-problem")).to_contain_text("Something went wrong on the server")

    file_tab.unroute(PREDICT)
    answers_each(file_tab, by_wording)
    file_tab.get_by_role("button", name="Try again").click()
    expect(outcome(file_tab)).to_contain_text("20 rows scored")


def test_the_focus_moves_from_the_buttons_that_go_away(file_tab: Page) -> None:
    refuses(file_tab, 500, times=1)
    choose(file_tab, "reviews.csv", reviews(1))
    score(file_tab)
    expect(file_tab.get_by_role("button", name="Score 1 row")).to_be_focused()

    answers_each(file_tab, by_wording)
    file_tab.get_by_role("button", name="Try again").press("Enter")
    expect(outcome(file_tab).get_by_role("heading", name="1 row scored")).to_be_focused()

    file_tab.get_by_role("button", name="Choose another").press("Enter")
    expect(file_tab.get_by_role("button", name="Choose a file")).to_be_focused()


def test_a_run_that_ends_elsewhere_leaves_the_focus_where_it_is(file_tab: Page) -> None:
    def leave(route: Route) -> None:
        file_tab.get_by_role("tab", name="Text").click()
        file_tab.get_by_label("Text to classify").focus()
        route.fulfill(json=answer([prediction()]))

    file_tab.route(PREDICT, leave)
    choose(file_tab, "reviews.csv", reviews(1))
    score(file_tab)
    expect(file_tab.locator("#file-status")).to_have_text("1 row scored.")
    expect(file_tab.get_by_label("Text to classify")).to_be_focused()


def test_of_two_files_the_last_that_was_opened_is_shown(file_tab: Page) -> None:
    file_tab.evaluate(
        """() => {
            const read = File.prototype.arrayBuffer;
            File.prototype.arrayBuffer = async function () {
                if (this.name === "slow.csv") await new Promise((end) => { window.finish = end; });
                return read.call(this);
            };
        }"""
    )
    choose(file_tab, "slow.csv", "text\nslow\n")
    expect(file_tab.get_by_text("Reading slow.csv …").last).to_be_visible()
    choose(file_tab, "quick.csv", "text\nquick\n")
    chosen = file_tab.get_by_role("region", name="Chosen file")
    expect(chosen).to_contain_text("quick.csv")
    file_tab.evaluate("async () => { finish(); await new Promise((end) => setTimeout(end, 200)); }")

    expect(chosen).to_contain_text("quick.csv")
    expect(file_tab.locator("#file-waiting")).to_be_hidden()


def test_a_dropped_file_is_taken(file_tab: Page) -> None:
    transfer = file_tab.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["text\\ngood\\n"], "dropped.csv"));
            return transfer;
        }"""
    )
    file_tab.dispatch_event("#drop", "drop", {"dataTransfer": transfer})

    expect(file_tab.get_by_role("region", name="Chosen file")).to_contain_text("dropped.csv")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("latin.csv", "text\ncafé\n".encode("latin-1"), "The file is not UTF-8."),
        ("header.csv", b"text\n", "The file has no rows."),
        ("empty.csv", b"", "The file has no rows."),
        ("ragged.csv", b"id,text\n1,good, really\n", "Row 1 has 3 fields"),
        ("open.csv", b'id,text\n1,"good\n', "A quote that opens in record 2 is never closed."),
        ("stray.csv", b'id,text\n1,"good"really\n', "Record 2 has text after a closing quote."),
        ("broken.jsonl", b'{"text": "good"}\n{"text"\n', "Line 2 is not a JSON object."),
        ("list.jsonl", b'["good"]\n', "Line 1 is not a JSON object."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    file_tab: Page, name: str, content: bytes, reason: str
) -> None:
    choose(file_tab, name, content)

    expect(file_tab.locator("#file-problem")).to_contain_text(reason)
