import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse

from function.server.prometheus import PrometheusMetrics

RECORD = {
    "requests": 1,
    "method": "POST",
    "route": "/v1/predict",
    "status": 200,
    "total_ms": 12.0,
    "model": "sentiment",
    "version": "20260102-12345678",
    "texts": 3,
    "texts_first": 2,
    "texts_full": 1,
    "inference_ms": 8.0,
    "decoding_ms": 0.4,
    "labels": {"positive": 2, "negative": 1},
    "score": [0.55, 0.97, 1.0],
    "tokens_per_word": [1.0, 1.12, 2.5],
}
MODEL = {"model": "sentiment", "version": "20260102-12345678"}


@pytest.fixture
def metrics():
    return PrometheusMetrics()


def samples(metrics):
    """{(name, labels): value}"""
    text = metrics.exposition("")[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return samples(metrics)[name, frozenset(labels.items())]


def test_requests_are_counted_by_route_method_status_and_model(metrics):
    for status in (200, 200, 500):
        metrics.count({**RECORD, "status": status})
    asked = {"route": "/v1/predict", "method": "POST", **MODEL}
    assert value(metrics, "evergreen_requests_total", status="200", **asked) == 2
    assert value(metrics, "evergreen_requests_total", status="500", **asked) == 1


def test_times_are_in_seconds(metrics):
    metrics.count(RECORD)
    total = value(metrics, "evergreen_request_seconds_sum", route="/v1/predict", **MODEL)
    assert total == pytest.approx(0.012)


def test_stages_share_a_metric(metrics):
    metrics.count(RECORD)
    for stage, seconds in (("inference", 0.008), ("decoding", 0.0004)):
        total = value(metrics, "evergreen_stage_seconds_sum", stage=stage, **MODEL)
        assert total == pytest.approx(seconds)
    stages = {dict(labels).get("stage") for name, labels in samples(metrics) if "stage" in name}
    assert stages == {"inference", "decoding"}


def test_texts_are_counted_by_the_stage_of_a_cascade_that_answered(metrics):
    metrics.count(RECORD)
    metrics.count({**RECORD, "texts_first": 0, "texts_full": 3})
    assert value(metrics, "evergreen_texts_total", stage="first", **MODEL) == 2
    assert value(metrics, "evergreen_texts_total", stage="full", **MODEL) == 4


def test_texts_are_counted_by_label_and_each_has_its_score(metrics):
    metrics.count(RECORD)
    assert value(metrics, "evergreen_predictions_total", label="positive", **MODEL) == 2
    assert value(metrics, "evergreen_predictions_total", label="negative", **MODEL) == 1
    assert value(metrics, "evergreen_score_count", **MODEL) == 3
    assert value(metrics, "evergreen_score_bucket", le="0.6", **MODEL) == 1
    assert value(metrics, "evergreen_tokens_per_word_bucket", le="1.15", **MODEL) == 2


def test_what_no_model_answered_is_counted_under_none(metrics):
    metrics.count({"requests": 1, "method": "GET", "route": "unmatched", "status": 404})
    labels = {"route": "unmatched", "method": "GET", "status": "404"}
    assert value(metrics, "evergreen_requests_total", model="none", version="none", **labels) == 1


def test_an_unknown_method_is_counted_as_other(metrics):
    for method in ("BREW", "WHEN", "PROPFIND"):
        metrics.count({**RECORD, "method": method})
    methods = {dict(labels)["method"] for name, labels in samples(metrics) if "requests_" in name}
    assert methods == {"other"}


def test_gauges_are_read_at_each_scrape(metrics):
    waiting = [3]
    metrics.add_gauge("queue_windows", lambda: [((), waiting[0])])
    metrics.add_gauge("model_age_days", lambda: [(("sentiment", "1"), 0.5)])
    assert value(metrics, "evergreen_queue_windows") == 3
    waiting[0] = 0
    assert value(metrics, "evergreen_queue_windows") == 0
    assert value(metrics, "evergreen_model_age_seconds", model="sentiment", version="1") == 43_200


def test_the_process_is_measured_too(metrics):
    assert value(metrics, "process_resident_memory_bytes") > 0


def test_two_registries_share_nothing(metrics):
    metrics.count(RECORD)
    assert not [name for name, _ in samples(PrometheusMetrics()) if "requests" in name]


@pytest.mark.parametrize(
    ("accept", "media_type", "reads"),
    [
        ("", "text/plain; version=0.0.4", parse),
        ("*/*", "text/plain; version=0.0.4", parse),
        ("text/plain; version=nonsense", "text/plain; version=0.0.4", parse),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
            "application/openmetrics-text; version=1.0.0",
            parse_open_metrics,
        ),
    ],
)
def test_the_format_is_the_one_that_was_asked_for(metrics, accept, media_type, reads):
    metrics.count(RECORD)
    content, returned_type = metrics.exposition(accept)
    assert returned_type.startswith(media_type)
    families = {family.name: family for family in reads(content.decode())}
    assert families["evergreen_requests"].type == "counter"
    assert families["evergreen_stage_seconds"].type == "histogram"
