import numpy as np
import pytest

from function.server.load_report import MAX_LATENCIES, LoadReport

ANSWERED = {
    "requests": 1,
    "errors": 0,
    "refused": 0,
    "route": "/v1/predict",
    "total_ms": 5.0,
    "texts": 1,
}
REFUSED = {"requests": 1, "errors": 0, "refused": 1, "route": "/v1/predict", "total_ms": 0.5}
BROKEN = {"requests": 1, "errors": 1, "refused": 0, "route": "/v1/predict", "total_ms": 0.5}


@pytest.fixture
def load():
    return LoadReport()


def test_requests_errors_and_refusals_are_added_up(load):
    for record in (ANSWERED, ANSWERED, REFUSED, BROKEN):
        load.count_request(record)
    record = load.take(0)
    assert (record["requests"], record["errors"], record["refused"]) == (4, 1, 1)
    assert record["total_ms"] == [5.0, 5.0]


def test_probes_do_not_count(load):
    load.count_request({**ANSWERED, "route": "/health/ready", "errors": 1})
    assert load.take(0)["requests"] == load.take(0)["errors"] == 0


def test_every_record_starts_where_the_last_one_ended(load):
    load.count_request(ANSWERED)
    load.observe_queue(7)
    load.take(0)
    assert load.take(2) == {
        "requests": 0,
        "errors": 0,
        "refused": 0,
        "total_ms": [],
        "queue_windows": 2,
        "queue_windows_max": 2,
    }


def test_the_longest_queue_is_reported_with_the_present_one(load):
    for windows in (3, 40, 8):
        load.observe_queue(windows)
    record = load.take(1)
    assert (record["queue_windows"], record["queue_windows_max"]) == (1, 40)


def test_many_latencies_become_a_hundred_with_the_same_quantiles(load):
    latencies = np.random.default_rng(0).lognormal(3, 1, 5000)
    for latency in latencies:
        load.count_request({**ANSWERED, "total_ms": float(latency)})
    reported = load.take(0)["total_ms"]
    assert len(reported) == 100
    for share in (0.5, 0.9, 0.95):
        assert np.quantile(reported, share) == pytest.approx(
            np.quantile(latencies, share), rel=0.05
        )
    worst = np.quantile(latencies, [0.99, 1.0])
    assert worst[0] <= max(reported) <= worst[1]


def test_latencies_take_bounded_memory(load):
    for number in range(3 * MAX_LATENCIES):
        load.count_request({**ANSWERED, "total_ms": float(number)})
    reported = load.take(0)
    assert reported["requests"] == 3 * MAX_LATENCIES
    assert min(reported["total_ms"]) >= 2 * MAX_LATENCIES
