import json
from datetime import UTC, datetime, timedelta

import pytest

from function.api.embedded_metrics import MAX_LABELS, EmbeddedMetrics, age_record
from function.core.types import ModelInfo
from tests.embedded_metric_format import metrics_of

RECORD = {
    "level": "info",
    "request_id": "1",
    "method": "POST",
    "route": "/v1/predict",
    "status": 200,
    "total_ms": 1.5,
}
ANSWERED = {
    **RECORD,
    "model": "sentiment",
    "version": "20260102-12345678",
    "texts": 2,
    "tokens": 7,
    "windows": 2,
    "inference_ms": 1.25,
    "labels": {"positive": 2},
    "score": [0.9, 0.8],
    "margin": [0.8, 0.6],
    "tokens_per_word": [1.5, 2.0],
}


LABELS = ("negative", "positive")


def info(labels=LABELS):
    return ModelInfo(
        "sentiment", "20260102-12345678", "12345678", "text-classification", labels, True
    )


@pytest.fixture
def written(capsys):
    """Return a function that writes records to a sink, and returns the lines."""

    def written(*records, labels=LABELS, cold=True):
        sink = EmbeddedMetrics("here", [info(labels)], cold=cold)
        for record in records:
            sink(record)
        return capsys.readouterr().out.splitlines()

    return written


def test_figures_of_a_service_and_of_a_model_are_kept_by_it(written):
    (line,) = written(ANSWERED)
    metrics = metrics_of(line)
    assert metrics["requests"] == ("Count", [["service"]], 1)
    assert metrics["errors"] == ("Count", [["service"]], 0)
    assert metrics["total_ms"] == ("Milliseconds", [["service"]], 1.5)
    assert metrics["inference_ms"] == ("Milliseconds", [["service", "model"]], 1.25)
    assert metrics["tokens"] == ("Count", [["service", "model"]], 7)
    assert metrics["score"] == ("None", [["service", "model"]], [0.9, 0.8])
    assert metrics["tokens_per_word"] == ("None", [["service", "model"]], [1.5, 2.0])
    assert metrics["label_positive"] == ("Count", [["service", "model"]], 2)


def test_what_is_no_figure_stays_in_the_line(written):
    (line,) = written(ANSWERED)
    assert ANSWERED.items() <= json.loads(line).items()
    assert not {"status", "version", "request_id", "labels"} & set(metrics_of(line))


@pytest.mark.parametrize(
    "route", ["/health/live", "/health/ready", "/v2/health/live", "/v2/models/{model}/ready"]
)
def test_probes_are_logged_and_are_no_metrics(written, route):
    (line,) = written({**RECORD, "route": route})
    assert json.loads(line) == {**RECORD, "route": route}


def test_what_no_model_answered_says_nothing_about_latency(written):
    (line,) = written({**RECORD, "status": 422})
    assert set(metrics_of(line)) == {"requests", "errors", "cold_start"}
    assert json.loads(line)["total_ms"] == 1.5


@pytest.mark.parametrize(("status", "errors"), [(200, 0), (404, 0), (499, 0), (500, 1), (503, 1)])
def test_errors_are_those_that_are_not_the_callers(written, status, errors):
    (line,) = written({**RECORD, "status": status})
    assert metrics_of(line)["errors"][2] == errors


def test_the_first_answer_of_a_process_is_its_cold_start(written):
    lines = written(RECORD, RECORD, RECORD)
    assert [metrics_of(line)["cold_start"][2] for line in lines] == [1, 0, 0]


def test_an_instance_that_was_provisioned_has_no_cold_start(written):
    (line,) = written(RECORD, cold=False)
    assert metrics_of(line)["cold_start"][2] == 0


def test_a_scheduled_warm_up_takes_the_cold_start_away(capsys):
    sink = EmbeddedMetrics("here", [info()], cold=True)
    sink.record_warm_up(
        {"level": "info", **age_record(info(), datetime.now(UTC) - timedelta(days=3))}
    )
    sink(RECORD)
    tick, request = capsys.readouterr().out.splitlines()
    unit, dimensions, age = metrics_of(tick)["model_age_days"]
    assert (unit, dimensions, round(age, 2)) == ("None", [["service", "model"]], 3.0)
    assert metrics_of(request)["cold_start"][2] == 0


def test_a_large_request_stays_under_the_limit_of_a_line(written):
    many = {**ANSWERED, "texts": 128, "score": [0.5] * 128, "margin": [0.1] * 128}
    (line,) = written(many)
    metrics = metrics_of(line)
    assert metrics["texts"][2] == 128
    assert len(metrics["score"][2]) == len(metrics["margin"][2]) == 100


def test_an_absent_member_is_no_metric(written):
    (line,) = written({**ANSWERED, "score": [], "margin": []})
    assert not {"score", "margin", "explanation_ms"} & set(metrics_of(line))


def test_metrics_are_those_of_a_line_whatever_lines_came_before_it(written):
    other = {**ANSWERED, "labels": {"negative": 1, "positive": 1}, "margin": []}
    lines = [ANSWERED, RECORD, other, ANSWERED]
    metrics = [set(metrics_of(line)) for line in written(*lines)]
    assert metrics[0] == metrics[3]
    assert metrics[0] - metrics[1] >= {"tokens", "label_positive"}
    assert metrics[0] ^ metrics[2] == {"label_negative", "margin"}


def test_labels_that_cloudwatch_cannot_name_are_not_counted(written):
    labels = ("gut", "schlecht", "так себе")
    (line,) = written({**ANSWERED, "labels": {"gut": 1, "так себе": 1}}, labels=labels)
    assert [name for name in metrics_of(line) if name.startswith("label_")] == ["label_gut"]


def test_a_model_of_many_labels_does_not_fill_the_bill(written):
    labels = [str(number) for number in range(MAX_LABELS + 1)]
    (line,) = written({**ANSWERED, "labels": {"3": 2}}, labels=labels)
    assert not [name for name in metrics_of(line) if name.startswith("label_")]


@pytest.mark.parametrize(
    "damage",
    [
        {"tokens": True},
        {"tokens": "7"},
        {"tokens": None},
        {"tokens": float("nan")},
        {"tokens": [1] * 101},
        {"service": 5},
        {"service": ""},
        {"model": "größe"},
    ],
)
def test_lines_that_cloudwatch_would_drop_are_found(written, damage):
    """The check that the other tests rely on."""
    (line,) = written(ANSWERED)
    metrics_of(line)
    with pytest.raises(AssertionError):
        metrics_of(json.dumps({**json.loads(line), **damage}))


def test_requests_and_errors_are_also_counted_by_version_of_the_function(capsys):
    sink = EmbeddedMetrics("here", [info()], cold=True, version="7")
    sink({**ANSWERED, "status": 500})
    line = json.loads(capsys.readouterr().out)
    assert line["function_version"] == "7"
    by = {tuple(each["Dimensions"][0]): each["Metrics"] for each in directives(line)}
    names = {each["Name"] for each in by["service", "function_version"]}
    assert names == {"requests", "errors"}
    assert names <= {each["Name"] for each in by[("service",)]}


def directives(line):
    return line["_aws"]["CloudWatchMetrics"]
