"""A request that would outlast its caller is refused before it starts, by measured time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.core.errors import BatchTooLargeError
from function.core.pace import MEASURED_TOKENS, Pace
from function.core.predictor import ESTIMATED_TOKENS
from function.core.types import Options

LONG = "good film " * 2000  # 4000 tokens


@pytest.fixture
def make_slow(make_predictor, monkeypatch):
    """A model of 256 tokens a window that takes so long for each, and its calls."""

    def make(seconds_per_window, max_seconds):
        predictor = make_predictor(max_tokens=256, max_windows=99)
        predictor._max_windows, predictor._max_seconds = 10_000, max_seconds
        run, calls = predictor._backend.run, []

        def slow(input_ids, attention_mask):
            calls.append(len(input_ids))
            time.sleep(seconds_per_window * len(input_ids))
            return run(input_ids, attention_mask)

        monkeypatch.setattr(predictor._backend, "run", slow)
        return predictor, calls

    return make


def test_too_long_a_request_costs_one_measurement_and_says_what_to_do(make_slow):
    predictor, calls = make_slow(0.02, max_seconds=0.5)
    for _ in range(2):
        with pytest.raises(BatchTooLargeError, match=r"take about \d+ s; .*send fewer or shorter"):
            predictor.predict([LONG] * 10, Options())
    assert calls == [1]


def test_the_same_request_runs_where_it_may_take_longer(make_slow):
    predictor, _ = make_slow(0.001, max_seconds=60)
    assert len(predictor.classify([LONG] * 3)) == 3


def test_explaining_counts_too(make_slow):
    predictor, _ = make_slow(0.01, max_seconds=0.5)
    short = "good film " * 120
    assert predictor.classify([short] * 4)
    with pytest.raises(BatchTooLargeError, match="explaining these texts takes about"):
        predictor.predict([short] * 4, Options(explain=True))


def test_a_small_request_is_never_estimated(make_slow):
    predictor, calls = make_slow(0.0, max_seconds=1e-9)
    assert predictor.classify(["good"])
    assert predictor.classify([LONG])
    assert len(calls) > 0


def test_long_texts_are_not_judged_by_short_ones():
    pace = Pace()
    pace.record(MEASURED_TOKENS - 1, 100.0)
    assert pace.seconds_per_token == 0
    pace.record(1000, 1.0)
    assert pace.seconds_per_token == pytest.approx(0.001)


@given(st.lists(st.tuples(st.integers(256, 10**6), st.floats(1e-6, 1e3)), min_size=1))
def test_a_pace_lies_between_the_slowest_and_the_fastest_call(calls):
    pace = Pace()
    for tokens, seconds in calls:
        pace.record(tokens, seconds)
    paces = [seconds / tokens for tokens, seconds in calls]
    assert min(paces) * 0.999 <= pace.seconds_per_token <= max(paces) * 1.001


def test_the_threshold_is_larger_than_a_long_text():
    assert ESTIMATED_TOKENS > 4000
