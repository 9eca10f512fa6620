"""The reports that people, alarms and trackers get."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import boto3
import pytest

from scripts.common.errors import CommandError
from scripts.drift.check import DriftCheck
from scripts.drift.cloudwatch import metric_data, metric_values, put_metrics
from tests.predictions import VERSION, a_check, a_log


@pytest.fixture(scope="module")
def drifting():
    return a_check(a_log(600, seed=3, tokens=20, right=0.9))


class Elements(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data.strip())


def test_the_page_holds_all_that_it_shows(drifting, tmp_path):
    pictures = drifting.write(tmp_path)
    assert set(pictures) == {"labels", "score", "tokens", "tokens_per_word", "course"}
    written = (tmp_path / "report.html").read_text()
    page = Elements(written)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(pictures)
    assert all(each["src"].startswith("data:image/png;base64,") and each["alt"] for each in images)
    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", re.sub(r"base64,[^\"]+", "", written))
    assert not [tag for tag, _ in page.tags if tag in ("script", "link")]


def test_the_page_says_first_what_changed_and_what_to_do(drifting, tmp_path):
    drifting.write(tmp_path)
    texts = [text for text in Elements((tmp_path / "report.html").read_text()).texts if text]
    order = [
        texts.index(each)
        for each in (
            drifting.document["headline"],
            "What changed",
            drifting.document["changes"][0],
            "What to do",
            drifting.document["advice"][0],
            "Feedback",
            "Figures",
            "Pictures",
        )
    ][1:]
    assert order == sorted(order)
    assert json.loads((tmp_path / "report.json").read_text()) == drifting.document


@pytest.mark.parametrize("count", [0, 49, 200])
def test_a_page_of_any_window_is_whole(tmp_path, count):
    found = a_check(a_log(count))
    found.write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "$" not in page
    assert ("too few" in page) == (count < 50)


def test_names_from_outside_are_no_markup(tmp_path, drifting):
    check = DriftCheck("<script>", VERSION, drifting.reference, a_log(100))
    check.write(tmp_path)
    assert "<script>" not in (tmp_path / "report.html").read_text()


def test_the_alarm_gets_drift_and_how_far_each_feature_is(drifting):
    values = metric_values(drifting.document)
    assert values["drift"] == 1
    assert values["drift_texts"] == 600
    assert values["psi_tokens"] > 1
    assert {"psi_labels", "psi_score", "psi_tokens_per_word", "accuracy"} < set(values)
    assert metric_values(a_check(a_log(300)).document)["drift"] == 0
    assert metric_values(a_check(a_log(10)).document) == {"drift_texts": 10}


def test_metrics_arrive_by_service_and_model(aws, drifting):
    now = datetime.now(UTC)
    put_metrics("Evergreen", metric_data(drifting.document, "evergreen-test", now))
    listed = boto3.client("cloudwatch").list_metrics(
        Namespace="Evergreen", Dimensions=[{"Name": "service", "Value": "evergreen-test"}]
    )
    assert {each["MetricName"] for each in listed["Metrics"]} == set(
        metric_values(drifting.document)
    )
    by = {"service": "evergreen-test", "model": "sentiment"}
    of_all = []
    for metric in listed["Metrics"]:
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        if dimensions != by:
            assert dimensions == {"service": "evergreen-test"}
            of_all.append(metric["MetricName"])
    assert of_all == ["drift"], "the alarm's, which covers every model"


def test_metrics_that_do_not_arrive_are_an_error_in_one_line(aws, monkeypatch, drifting):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(CommandError, match="CloudWatch: Could not connect"):
        put_metrics("Evergreen", metric_data(drifting.document, "s", datetime.now(UTC)))
