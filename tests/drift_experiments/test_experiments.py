"""The experiments that the documentation's figures come from."""

import numpy as np
import pytest

from tests.drift_experiments import experiments
from tests.drift_experiments.experiments import (
    SIZES,
    Case,
    CaseResult,
    experiment,
    experiments_page,
    joined,
    planted_cases,
    quiet_cases,
)
from tests.drift_experiments.traffic import german_reviews
from tests.predictions import a_log, a_reference


@pytest.fixture
def few(monkeypatch):
    """Four streams of two sizes."""
    for name, value in {"STREAMS": 4, "SIZES": (50, 200), "BETWEEN": (100,)}.items():
        monkeypatch.setattr(experiments, name, value)


@pytest.fixture(scope="module")
def logs():
    kinds: dict[str, dict[str, float]] = {
        "test": {},
        "sentences": {"tokens": 20},
        "unknown": {"pieces": 2.5},
        "german": {"pieces": 1.8, "tokens": 25},
        "cut": {"tokens": 22},
        "unlabelled": {},
        "shuffled": {},
    }
    return {
        name: a_log(400, seed=number, right=0.93, **kind)
        for number, (name, kind) in enumerate(kinds.items())
    }


def test_what_is_planted_is_found_and_what_is_not_is_not(few, logs):
    reference = a_reference(right=0.93)
    quiet = experiment(reference, next(quiet_cases(logs)))
    assert (quiet.found, quiet.median, quiet.features) == ({50: 0, 200: 0}, None, [])
    planted = {case.name: case for case in planted_cases(logs)}
    found = experiment(reference, planted["only negative reviews"])
    assert (found.found, found.median, found.features) == ({50: 4, 200: 4}, 50, ["labels"])


def test_only_feedback_reveals_labels_that_turned(few, logs):
    reference = a_reference(right=0.93)
    silent, with_feedback = (case for case in planted_cases(logs) if "turn" in case.name)
    assert experiment(reference, silent).found[200] == 0
    assert experiment(reference, with_feedback).features == ["accuracy"]


def test_negative_reviews_are_those_whose_truth_is_negative(logs):
    (case,) = (case for case in planted_cases(logs) if case.name == "only negative reviews")
    ((_, log),) = case.kinds
    test = logs["test"]
    negative = test.labels.index("negative")
    truth = np.where(test.correct == 1, test.answers[:, negative], 1 - test.answers[:, negative])
    assert len(log) == truth.sum()
    assert np.isnan(log.correct).all()


def test_a_mixed_stream_has_the_shares_that_were_asked_for(logs):
    case = Case("mixed", [(0.2, logs["unknown"]), (0.8, logs["test"])])
    stream = case.stream(300, np.random.default_rng(1))
    odd = (stream.tokens / stream.words > 2).mean()
    assert 0.12 < odd < 0.28


def test_logs_with_other_labels_are_joined_by_name():
    one, other = a_log(60, negative=0.0), a_log(60, negative=1.0)
    both = joined([one, other])
    assert both.labels == ["negative", "positive"]
    assert both.answers.sum(0).tolist() == [60, 60]


def test_the_table_reports_what_is_beyond_its_largest_window():
    never = CaseResult("quiet", dict.fromkeys(SIZES, 0), None, [])
    late = CaseResult("slow", {**dict.fromkeys(SIZES, 0), 2000: 93}, 1500, ["labels", "score"])
    text = experiments_page(a_reference(), {"a log": [never]}, [never, late], "python -m x")
    assert "| quiet, compared with a log | 0 |" in text
    assert "| quiet | 0 | 0 | 0 | 0 | 0 | 0 | – (not in 2,000) | – |" in text
    assert "| slow | 0 | 0 | 0 | 0 | 0 | 93 | 1,500 | answers, certainty |" in text


def test_the_german_reviews_differ_from_each_other():
    reviews = german_reviews()
    assert len(reviews) == len({*reviews}) == 360
