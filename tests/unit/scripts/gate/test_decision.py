"""The decision on answers that are written down, so that every figure is known."""

import json

import numpy as np
import pytest

from scripts.data.forms import FORMS
from scripts.evaluate.behaviour import BehaviourCheck, check_behaviour, check_invariance
from scripts.evaluate.label_answers import LabelAnswers, label_codes
from scripts.gate.decision import judge
from scripts.gate.golden_set import GoldenSet
from scripts.gate.limits import EXPECTATIONS
from scripts.gate.measurement import Measurement
from scripts.gate.report import to_json
from scripts.gate.settings import GateSettings

LABELS = ["negative", "positive"]
SETTINGS = GateSettings(margin=0.02)


def golden_of(rows, words=50):
    return GoldenSet(
        FORMS["label"],
        [f"{row} " + "word " * (words - 1) for row in range(rows)],
        [LABELS[row % 2] for row in range(rows)],
    )


def measured(golden, wrong=(), confidence=0.95, **changes):
    """Answers that are right, with a confidence, but on some rows."""
    truth = label_codes(golden.truth, LABELS)
    answers = truth.copy()
    answers[list(wrong)] = 1 - answers[list(wrong)]
    probabilities = np.full((len(golden), 2), 1 - confidence)
    probabilities[np.arange(len(golden)), answers] = confidence
    fields = {
        "model": "sentiment",
        "version": "20260102-aaaaaaaa",
        "digest": "a" * 64,
        "labels": LABELS,
        "answers": LabelAnswers(LABELS, probabilities, truth),
        "behaviour": behaviour(1.0, 0.9),
        "median_ms": 4.0,
        "bytes": 1_000_000,
    }
    return Measurement(**(fields | changes))


def behaviour(negation, short):
    return [
        BehaviourCheck("negation", negation, 16, []),
        BehaviourCheck("very short texts", short, 10, []),
    ]


def finding(judgement, requirement):
    return next(f for f in judgement.findings if f.requirement == requirement)


def test_a_candidate_with_the_same_answers_passes_and_says_by_how_much():
    golden = golden_of(400)
    wrong = range(20)
    judgement = judge(golden, measured(golden, wrong), measured(golden, wrong), SETTINGS)
    assert judgement.outcome == "passed"
    assert "+0.00 points" in judgement.reasons[0]
    assert "−2.00" in judgement.reasons[0]


def test_an_answer_fewer_in_many_rows_passes():
    golden = golden_of(1000)
    judgement = judge(golden, measured(golden, range(11)), measured(golden, range(10)), SETTINGS)
    assert judgement.outcome == "passed"


def test_a_candidate_that_is_significantly_worse_is_refused():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, range(40)), measured(golden, range(16)), SETTINGS)
    assert judgement.outcome == "refused"
    assert finding(judgement, "accuracy").outcome == "refused"
    assert "−6.00 points" in judgement.reasons[0]
    assert judgement.paired is not None
    assert (judgement.paired.lost, judgement.paired.gained) == (24, 0)


def test_a_candidate_that_many_rows_do_not_clear_is_refused():
    # 110 gained, 130 lost of 4000: -0.5 ± 0.76 points, so the interval spans zero and is narrow.
    golden = golden_of(4000)
    settings = GateSettings(margin=0.01)
    candidate, champion = measured(golden, range(130)), measured(golden, range(200, 310))
    judgement = judge(golden, candidate, champion, settings)
    assert judgement.paired is not None
    assert judgement.paired.high > 0
    assert finding(judgement, "accuracy").outcome == "refused"
    assert "equal model could have" in judgement.reasons[0]


def test_rows_too_few_to_decide_are_underpowered_and_say_how_many_would_do():
    # 30 gained, 32 lost of 400: ± 3.9 points.
    golden = golden_of(400)
    candidate, champion = measured(golden, range(32)), measured(golden, range(100, 130))
    judgement = judge(golden, candidate, champion, SETTINGS)
    assert judgement.outcome == "underpowered"
    needed = int(judgement.reasons[0].split("about ")[1].split()[0])
    assert 4000 < needed < 6000


def test_too_few_rows_never_pass_even_where_nothing_differs():
    few, enough = golden_of(149), golden_of(150)
    few_outcome = judge(few, measured(few), measured(few), SETTINGS)
    assert few_outcome.outcome == "underpowered"
    assert "149 rows" in few_outcome.reasons[0]
    assert "150" in few_outcome.reasons[0]
    assert judge(enough, measured(enough), measured(enough), SETTINGS).outcome == "passed"


def test_a_large_loss_in_one_label_vetoes_what_passes_on_the_whole():
    # 30 lost among 400 positives, 40 gained among 400 negatives.
    golden = golden_of(800)
    positives, negatives = range(1, 61, 2), range(0, 80, 2)
    judgement = judge(golden, measured(golden, positives), measured(golden, negatives), SETTINGS)
    assert finding(judgement, "accuracy").outcome == "passed"
    assert finding(judgement, "slice: label positive").outcome == "refused"
    assert judgement.outcome == "refused"
    assert "label positive" in judgement.reasons[0]
    assert "−7.50 points" in judgement.reasons[0]


def mixed(short, long):
    """A few short texts before many long ones."""
    texts = [f"brief {row}" for row in range(short)] + [f"{row} " * 201 for row in range(long)]
    return GoldenSet(FORMS["label"], texts, [LABELS[row % 2] for row in range(len(texts))])


@pytest.mark.parametrize(
    ("short", "lost", "outcome"),
    [
        (40, 2, "passed"),  # 5 points, which is not beyond the limit
        (40, 3, "passed"),  # 7.5 points, and the interval reaches zero
        (40, 10, "refused"),
        (29, 10, "not judged"),
    ],
)
def test_a_slice_vetoes_only_large_losses_that_are_no_chance(short, lost, outcome):
    golden = mixed(short, 1000)
    judgement = judge(golden, measured(golden, range(lost)), measured(golden), SETTINGS)
    assert finding(judgement, "slice: short (at most 20 words)").outcome == outcome
    assert finding(judgement, "slice: long (at least 200 words)").outcome == "passed"


def test_a_small_loss_in_a_slice_does_not_veto_even_where_it_is_no_chance():
    golden = mixed(400, 1000)
    judgement = judge(golden, measured(golden, range(12)), measured(golden), SETTINGS)
    short = judgement.slices[0].paired
    assert short is not None
    assert short.high < 0
    assert judgement.outcome == "passed"


def test_texts_between_short_and_long_are_neither():
    golden = golden_of(400, words=50)
    judgement = judge(golden, measured(golden), measured(golden), SETTINGS)
    assert [part.name for part in judgement.slices] == ["label negative", "label positive"]


def test_a_candidate_that_is_sure_of_nothing_is_refused_for_its_calibration_alone():
    golden = golden_of(400)
    candidate, champion = measured(golden, confidence=0.6), measured(golden)
    judgement = judge(golden, candidate, champion, SETTINGS)
    refused = [f.requirement for f in judgement.findings if f.outcome == "refused"]
    assert refused == ["calibration error"]
    assert "0.400" in judgement.reasons[0]
    assert "0.050" in judgement.reasons[0]


def test_a_golden_set_on_which_the_champion_is_badly_calibrated_stops_nobody():
    golden = golden_of(400)
    candidate, champion = measured(golden, confidence=0.7), measured(golden, confidence=0.72)
    judgement = judge(golden, candidate, champion, SETTINGS)
    assert finding(judgement, "calibration error").outcome == "passed"


def test_too_few_rows_say_nothing_of_calibration():
    golden = golden_of(100)
    judgement = judge(golden, measured(golden, confidence=0.6), measured(golden), SETTINGS)
    assert finding(judgement, "calibration error").outcome == "not judged"
    assert judgement.outcome == "underpowered"


def test_behaviour_may_not_drop_beyond_its_limit():
    golden = golden_of(400)
    candidate = measured(golden, behaviour=behaviour(1 - 2 / 16, 0.8))
    judgement = judge(golden, candidate, measured(golden), SETTINGS)
    assert finding(judgement, "behaviour: negation").outcome == "refused"
    assert finding(judgement, "behaviour: very short texts").outcome == "passed"
    assert "87.50 %" in judgement.reasons[0]


def test_the_checks_that_are_judged_are_there(make_predictor):
    assert set(EXPECTATIONS) <= {check.name for check in check_behaviour(make_predictor())}


def test_other_labels_skip_behaviour_and_say_so():
    golden = golden_of(400)
    candidate, champion = (measured(golden, behaviour=None) for _ in range(2))
    judgement = judge(golden, candidate, champion, SETTINGS)
    assert judgement.outcome == "passed"
    assert finding(judgement, "behaviour").outcome == "not judged"
    assert "skipped" in finding(judgement, "behaviour").sentence


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"median_ms": 5.0}, "passed"),
        ({"median_ms": 5.1}, "refused"),
        ({"bytes": 1_250_000}, "passed"),
        ({"bytes": 1_250_001}, "refused"),
    ],
)
def test_latency_and_size_may_grow_by_a_quarter(changes, outcome):
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, **changes), measured(golden), SETTINGS)
    assert judgement.outcome == outcome


def test_every_reason_is_given_and_a_refusal_outweighs_rows_too_few():
    golden = golden_of(100)
    candidate = measured(golden, median_ms=40, bytes=9_000_000, behaviour=behaviour(0.5, 0.5))
    judgement = judge(golden, candidate, measured(golden), SETTINGS)
    assert judgement.outcome == "refused"
    assert [
        any(word in reason for reason in judgement.reasons)
        for word in ("negation", "very short", "latency", "size", "100 rows")
    ] == [True] * 5
    assert len(judgement.reasons) == 5


@pytest.mark.parametrize(
    ("wrong", "outcome"), [(60, "passed"), (72, "underpowered"), (88, "refused")]
)
def test_a_first_model_is_held_against_a_floor(wrong, outcome):
    # Of 400: 85 % (Wilson from 81.2 %), 82 % (from 77.9 %), 78 %.
    golden = golden_of(400)
    first = measured(golden, range(wrong), confidence=0.85)
    judgement = judge(golden, first, None, SETTINGS)
    assert judgement.outcome == outcome
    assert "80.00 %" in judgement.reasons[0]
    assert judgement.champion is None
    assert judgement.paired is None


def test_a_first_model_needs_the_rows_the_calibration_and_the_behaviour_too():
    few, enough = golden_of(149), golden_of(400)
    assert judge(few, measured(few), None, SETTINGS).outcome == "underpowered"
    dull = measured(enough, confidence=0.6, behaviour=behaviour(0.5, 0.8))
    judgement = judge(enough, dull, None, SETTINGS)
    refused = [f.requirement for f in judgement.findings if f.outcome == "refused"]
    assert refused == ["calibration error", "behaviour: negation"]


def test_the_texts_that_differ_most_come_first_and_ten_are_enough():
    golden = golden_of(400)
    candidate = measured(golden, range(30))
    candidate.answers.probabilities[7] = (
        [0.001, 0.999] if golden.truth[7] == "negative" else [0.999, 0.001]
    )
    judgement = judge(golden, candidate, measured(golden), SETTINGS)
    assert len(judgement.disagreements) == 10
    first = judgement.disagreements[0]
    assert first.text == golden.texts[7]
    assert (first.truth, first.candidate_answer) == ("positive", "negative")
    assert first.champion_answer == "positive"
    assert first.difference == pytest.approx(0.001 - 0.95)


def test_a_gain_distinguishes_the_two_as_much_as_a_loss():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, [5]), measured(golden, range(390, 400)), SETTINGS)
    differences = [row.difference for row in judgement.disagreements]
    assert len(differences) == 10
    assert sum(difference > 0 for difference in differences) == 9


def test_texts_that_do_not_differ_are_not_shown():
    golden = golden_of(400)
    assert judge(golden, measured(golden), measured(golden), SETTINGS).disagreements == []


def test_the_judgement_is_plain_json():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, range(9)), measured(golden), SETTINGS)
    document = json.loads(json.dumps(to_json(judgement), allow_nan=False))
    assert document["outcome"] == judgement.outcome
    assert document["candidate"]["figures"]["accuracy"] == pytest.approx(391 / 400)
    assert document["settings"]["margin"] == 0.02
    assert document["golden"] == golden.digest


def spread(mean, widest=0.9):
    name = "neutral, differs in country"
    return [*behaviour(1.0, 0.9), BehaviourCheck(name, widest, 54, [], mean)]


@pytest.mark.parametrize(
    ("own", "champion", "outcome"),
    [
        (0.45, 0.1, "passed"),  # within its limit
        (0.75, 0.7, "passed"),  # beyond it, and no more than chance above the champion's
        (0.85, 0.7, "refused"),
        (0.55, 0.1, "refused"),
    ],
)
def test_a_spread_beyond_its_limit_and_the_champions_is_refused(own, champion, outcome):
    golden = golden_of(200)
    candidate, before = (measured(golden, behaviour=spread(each)) for each in (own, champion))
    judgement = judge(golden, candidate, before, SETTINGS)
    found = finding(judgement, "behaviour: neutral, differs in country")
    assert found.outcome == outcome == judgement.outcome
    assert f"{own:.2f}" in found.sentence


def test_the_limit_of_a_spread_is_a_setting():
    golden = golden_of(200)
    candidate, before = (measured(golden, behaviour=spread(each)) for each in (0.3, 0.1))
    strict = SETTINGS.model_copy(update={"spread_limit": 0.2, "spread_rise": 0.0})
    assert judge(golden, candidate, before, strict).outcome == "refused"
    assert judge(golden, candidate, before, SETTINGS).outcome == "passed"


def test_a_first_models_spread_is_shown_and_not_judged():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, behaviour=spread(0.9)), None, SETTINGS)
    assert judgement.outcome == "passed"
    assert judgement.candidate.behaviour["neutral, differs in country"] == 0.9


def test_the_widest_spread_is_shown_and_the_mean_over_sentences_judged(make_predictor, monkeypatch):
    sentences = (["the film is {}", "good {}"], ("good", "is", "bad"))
    monkeypatch.setattr("scripts.evaluate.behaviour.NEUTRAL", {"praise": sentences})
    (check,) = check_invariance(make_predictor())
    ends = [1 / (1 + np.exp(-log_odds)) for log_odds in (4, -4, 8, 0)]
    assert check.figure == pytest.approx(ends[0] - ends[1])
    assert check.mean_spread == pytest.approx((ends[0] - ends[1] + ends[2] - ends[3]) / 2)
    assert check.failures == ["the film is bad 0.02", "the film is good 0.98"]
