"""What is called drift, what is not, and since when."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from function.core.manifest import parse_manifest
from scripts.common.errors import ThinReferenceError, UsageError
from scripts.drift.distributions import (
    FEATURES,
    STAGES,
    profile_distributions,
    reference_distributions,
    reference_of_log,
    reference_of_manifest,
    window_distributions,
)
from scripts.drift.prediction_log import build_log
from scripts.drift.timeline import find_change, slice_window
from scripts.drift.verdict import judge_drift
from scripts.drift.wording import accuracy_sentence, advice, changes, headline
from tests.drift_experiments.experiments import joined, silent
from tests.predictions import EVER, START, a_log, a_reference, log_lines

REGISTRY = Path(__file__).resolve().parents[4] / "registry"


@pytest.fixture(scope="module")
def reference():
    return a_reference(right=0.93)


def drifted(verdict):
    return {finding.feature for finding in verdict.drifted}


def test_quiet_traffic_is_no_drift_in_at_least_95_of_100_windows(reference):
    pool = a_log(4000, seed=5, right=0.93)
    generator = np.random.default_rng(8)
    for size in (60, 600):
        words = [
            judge_drift(reference, pool.select(generator.choice(4000, size, replace=False))).status
            for _ in range(100)
        ]
        assert words.count("drift") <= 5


@pytest.mark.parametrize(
    ("kind", "features"),
    [
        ({"negative": 1.0}, {"labels"}),
        ({"tokens": 20}, {"tokens"}),
        ({"pieces": 1.9}, {"tokens_per_word"}),
        ({"right": 0.7}, {"accuracy"}),
    ],
)
def test_a_change_is_found_where_it_is_and_nowhere_else(reference, kind, features):
    assert (
        drifted(judge_drift(reference, a_log(300, seed=4, **{"right": 0.93, **kind}))) == features
    )


def test_without_feedback_a_model_that_errs_more_seems_unchanged(reference):
    assert judge_drift(reference, silent(a_log(2000, seed=4, right=0.7))).status == "no drift"


def test_what_is_surely_there_and_does_not_matter_is_no_drift(reference):
    verdict = judge_drift(reference, a_log(20_000, seed=6, negative=0.55))
    (labels,) = (each for each in verdict.results if each.feature == "labels")
    assert labels.p_value < 0.001
    assert labels.effect > labels.band
    assert verdict.status == "no drift"


def test_a_window_of_few_texts_is_quiet_whatever_is_in_it(reference):
    verdict = judge_drift(reference, a_log(49, negative=1.0))
    assert verdict.status == "quiet"
    assert "too few" in headline("sentiment", verdict)
    empty = judge_drift(reference, build_log([], EVER, "sentiment"))
    assert (empty.status, empty.window) == ("quiet", {})


def test_few_answers_with_feedback_are_reported_and_not_judged(reference):
    without, with_feedback = silent(a_log(300, seed=1)), a_log(20, seed=2, right=0.1)
    verdict = judge_drift(reference, joined([without, with_feedback]))
    assert drifted(verdict) == set()
    assert "Of 20 answers with feedback" in accuracy_sentence(verdict)


def test_the_words_say_what_changed_by_how_much_and_what_to_do(reference):
    log = joined([a_log(300, seed=7, negative=0.95, tokens=20, right=0.6)])
    verdict = judge_drift(reference, log)
    said = changes(reference, verdict, [])
    assert verdict.feedback
    assert said[0].startswith(f"{verdict.feedback.accuracy:.1%} of the answers with feedback")
    of_labels = next(each for each in said if "of the answers, against" in each)
    assert of_labels.startswith(("negative is 9", "positive is "))
    of_length = next(each for each in said if "tokens, against" in each)
    assert "have fewer than 64 tokens" in of_length
    assert len(advice(verdict)) == len(said)


def late(count, begin, **kind):
    return a_log(count, begin=START + timedelta(minutes=begin), **kind)


def test_the_report_names_when_a_change_began(reference):
    log = joined([a_log(700, seed=1), late(500, 700, seed=2, tokens=20)])
    (finding,) = judge_drift(reference, log).drifted
    found = find_change(slice_window(reference, log), finding)
    assert found
    assert found.worse
    assert abs(found.at - (START + timedelta(minutes=700))) <= timedelta(minutes=100)


def test_a_change_that_has_passed_is_reported_as_past(reference):
    log = joined([a_log(700, seed=1, tokens=20), late(500, 700, seed=2)])
    slices, verdict = slice_window(reference, log), judge_drift(reference, log)
    found = find_change(slices, verdict.drifted[0])
    assert found
    assert not found.worse
    assert "passed since" in changes(reference, verdict, slices)[0]


def test_a_change_of_the_whole_window_names_no_time(reference):
    log = a_log(1200, seed=1, tokens=20)
    slices, verdict = slice_window(reference, log), judge_drift(reference, log)
    assert find_change(slices, verdict.drifted[0]) is None
    assert "in the whole window" in changes(reference, verdict, slices)[0]


def test_feedback_dates_when_answers_became_worse(reference):
    log = joined([a_log(700, seed=1, right=0.93), late(500, 700, seed=2, right=0.6)])
    verdict = judge_drift(reference, log)
    found = find_change(slice_window(reference, log), verdict.drifted[0])
    assert verdict.drifted[0].feature == "accuracy"
    assert found
    assert found.worse


def test_the_bundled_model_has_a_profile_that_every_feature_is_compared_with():
    (path,) = (REGISTRY / "sentiment/versions").glob("*/manifest.json")
    manifest = parse_manifest(path.read_bytes(), path.parent.name)
    profile = profile_distributions(manifest.profile)
    assert [*profile] == [each for each in FEATURES if each != STAGES or STAGES in manifest.profile]
    texts = [distribution.texts for distribution in profile.values()]
    assert texts == pytest.approx([manifest.profile["texts"]] * len(texts), rel=1e-3)


@pytest.mark.parametrize(("now", "found"), [(0.7, set()), (0.1, {"stages"}), (1.0, {"stages"})])
def test_another_share_of_the_first_stage_is_drift(now, found):
    reference, log = a_reference(first=0.7), a_log(600, seed=4, first=now)
    verdict = judge_drift(reference, log)
    assert drifted(verdict) == found
    if now == 0.1:
        assert headline("sentiment", verdict).endswith("first stage")
        (change,) = changes(reference, verdict, [])
        assert "of the texts were answered by the full model, against 3" in change
        assert "parameter cascade" in advice(verdict)[0]


@pytest.mark.parametrize("first", [None, 0.0])
def test_stages_are_not_compared_without_a_cascade(first):
    reference = a_reference(first=first)
    assert STAGES not in reference.distributions
    assert [each.feature for each in judge_drift(reference, a_log(60)).results] == [*FEATURES[:-1]]


def test_a_profile_has_the_share_of_the_first_stage_in_two_bins():
    profile = {
        "texts": 100,
        "labels": {"negative": 0.5, "positive": 0.5},
        "stages": {"edges": [0, 0.5, 1], "counts": [30, 70]},
    }
    known = profile_distributions(profile)["stages"]
    assert known.shares == pytest.approx([0.3, 0.7])
    window = window_distributions(a_log(2000, first=0.7), {"stages": known})["stages"]
    assert window.shares == pytest.approx([0.3, 0.7], abs=0.05)


def test_scores_of_single_entities_are_not_compared_with_those_of_texts():
    profile = {
        "texts": 100,
        "labels": {"LOC": 1.0},
        "entities": {"edges": [0, 1, 2, 3], "counts": [40, 30, 30]},
        "score": {"edges": [0, 0.5, 1], "counts": [10, 80]},
    }
    assert "score" not in profile_distributions(profile)
    of_texts = profile | {"score": {"edges": [0, 0.5, 1], "counts": [10, 50]}}
    assert profile_distributions(of_texts)["score"].texts == 60


def test_a_version_without_a_profile_leaves_the_others_to_be_compared():
    (path,) = (REGISTRY / "sentiment/versions").glob("*/manifest.json")
    manifest = parse_manifest(path.read_bytes(), path.parent.name)
    with pytest.raises(ThinReferenceError, match="has no reference profile"):
        reference_of_manifest(manifest.model_copy(update={"profile": {}}), "v1")


def test_what_lies_beyond_the_outer_bins_counts_in_them():
    log = a_log(500)
    profile = {
        "texts": 100,
        "labels": {"negative": 0.5, "positive": 0.5},
        "tokens": {"edges": [100, 150, 200], "counts": [50, 50]},
    }
    assert window_distributions(log, profile_distributions(profile))["tokens"].texts == 500


def test_entities_of_a_text_are_one_observation():
    lines = [
        {**line, "labels": {"PER": 30, "LOC": 10}} for line in log_lines(100) if line.pop("label")
    ]
    labels = reference_distributions(build_log(lines, EVER, "sentiment"))["labels"]
    assert dict(zip(labels.names, labels.counts, strict=True)) == {
        "LOC": 25,
        "PER": 75,
        "other": 0,
    }


def test_a_reference_of_few_texts_is_refused():
    with pytest.raises(UsageError, match="too few for a reference"):
        reference_of_log(a_log(100), "short")


def test_a_verdict_is_the_same_each_time(reference):
    log = a_log(200, seed=3, tokens=150)
    assert json.dumps([str(each) for each in judge_drift(reference, log).results]) == json.dumps(
        [str(each) for each in judge_drift(reference, log).results]
    )
