"""The gate on entities that are written down, so that every figure is known."""

import json
import tracemalloc

import numpy as np
import pytest

from function.core.artifact import open_artifact
from function.core.manifest import MANIFEST
from scripts.data.forms import FORMS
from scripts.data.spans import Span
from scripts.evaluate.entity_answers import EntityAnswers, Found
from scripts.evaluate.f1 import F1Counts, difference_interval, f1_interval
from scripts.gate.decision import judge, run_gate
from scripts.gate.golden import parse_golden
from scripts.gate.golden_set import GoldenSet
from scripts.gate.head_requirements import judge_f1
from scripts.gate.judgement import JudgedModel
from scripts.gate.measurement import Measurement
from scripts.gate.report import figure_rows, render_markdown, to_json
from scripts.gate.settings import GateSettings
from tests.golden import KNOWS_NO_COMPANY, golden_rows, tagged_rows
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

LABELS = ["LOC", "PER"]
SETTINGS = GateSettings(margin=0.02)
# Of a tiny model: answers take microseconds, and say nine parts in ten where all are right.
LENIENT = GateSettings(latency_ratio=1000, floor_calibration=0.5)
ADA, PARIS = Span(0, 3, "PER"), Span(10, 15, "LOC")


def golden_of(rows, empty=0):
    """Texts with a person and a place each, and texts with neither."""
    texts = [f"Ada saw,  Paris {row}" for row in range(rows)] + [f"none {n}" for n in range(empty)]
    return GoldenSet(FORMS["entities"], texts, [[ADA, PARIS]] * rows + [[]] * empty)


def answers(golden, changed=None, score=0.95):
    """Answers that are right, but on some rows."""
    found = [(changed or {}).get(row, spans) for row, spans in enumerate(golden.truth)]
    return EntityAnswers(
        LABELS,
        list(golden.texts),
        [list(spans) for spans in golden.truth],
        [Found(list(spans), [score] * len(spans), 4, 4) for spans in found],
    )


def only(span, rows):
    """In n rows that one alone is found, or, at None, nothing."""
    return {row: [span] if span else [] for row in range(rows)}


def measured(golden, changed=None, score=0.95):
    given = answers(golden, changed, score)
    return Measurement("ner", "20260102-aaaaaaaa", "a" * 64, LABELS, given, None, 4.0, 1_000_000)


def finding(judgement, requirement):
    return next(f for f in judgement.findings if f.requirement == requirement)


def test_a_text_is_right_where_exactly_its_entities_were_found():
    golden = golden_of(4, empty=2)
    found = answers(
        golden,
        {1: [ADA], 2: [Span(0, 2, "PER"), PARIS], 3: [Span(0, 3, "LOC"), PARIS], 5: [ADA]},
    )
    assert found.right.tolist() == [True, False, False, False, True, False]
    assert found.judged_figures["exact_texts"] == pytest.approx(2 / 6, abs=1e-5)


def test_f1_of_the_counts_is_that_of_the_figures():
    golden = golden_of(5, empty=1)
    found = answers(golden, {1: [ADA], 2: [Span(0, 2, "PER"), PARIS], 5: [ADA]})
    # 10 true, 10 found, 8 right.
    assert found.counts.f1 == pytest.approx(0.8)
    assert found.figures["f1"] == pytest.approx(0.8)


def test_a_slice_of_a_label_is_right_in_that_label_alone():
    golden = golden_of(2, empty=1)
    slices = answers(golden, {0: [ADA]}).slices()
    assert slices["label PER"].right[slices["label PER"].rows].tolist() == [True, True]
    assert slices["label LOC"].right[slices["label LOC"].rows].tolist() == [False, True]
    assert slices["no entity"].rows.tolist() == [False, False, True]


def test_what_was_found_speaks_for_the_truth_by_its_score():
    golden = golden_of(4, empty=1)
    wrong = [Span(0, 3, "LOC"), Span(10, 15, "PER")]
    support = answers(golden, {1: [ADA], 2: [], 3: wrong}, score=0.5).support
    # 2 · 1 / (2 + 1), 2 · 0.5 / (2 + 0.5), nothing found, nothing right, nothing there.
    assert support == pytest.approx([2 / 3, 0.4, 0, 0, 1])


def test_a_candidate_with_the_same_answers_passes_in_words_that_fit():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden), measured(golden), SETTINGS)
    assert judgement.outcome == "passed"
    assert judgement.reasons[0].startswith("Share of exact texts differs from the champion's by")
    assert finding(judgement, "share of exact texts").outcome == "passed"


def test_a_candidate_that_loses_entities_is_refused():
    golden = golden_of(400)
    lost = only(ADA, 40)
    judgement = judge(golden, measured(golden, lost), measured(golden), SETTINGS)
    refused = [f.requirement for f in judgement.findings if f.outcome == "refused"]
    short = "slice: short (at most 20 words)"
    assert refused == ["share of exact texts", "F1", short, "slice: label LOC"]
    assert judgement.paired is not None
    assert (judgement.paired.lost, judgement.paired.gained) == (40, 0)


def test_f1_vetoes_what_exact_texts_do_not_show():
    """In texts that neither gets right the candidate now finds nothing."""
    golden = golden_of(400)
    before = only(ADA, 60)
    judgement = judge(
        golden,
        measured(golden, only(None, 60)),
        measured(golden, before),
        GateSettings(slice_loss=0.5),
    )
    refused = [f.requirement for f in judgement.findings if f.outcome == "refused"]
    assert refused == ["F1"]
    assert "a fall of more than 1.50 points" in judgement.reasons[0]


def test_too_few_entities_say_nothing_of_calibration():
    golden = golden_of(60, empty=300)
    judgement = judge(golden, measured(golden, score=0.3), measured(golden), SETTINGS)
    assert finding(judgement, "calibration error").outcome == "not judged"
    more = golden_of(200)
    judgement = judge(more, measured(more, score=0.3), measured(more), SETTINGS)
    assert finding(judgement, "calibration error").outcome == "refused"


def test_the_checks_of_behaviour_are_skipped_in_words_that_fit():
    golden = golden_of(400)
    skipped = finding(judge(golden, measured(golden), None, SETTINGS), "behaviour")
    assert skipped.outcome == "not judged"
    assert "LOC, PER" in skipped.sentence


def test_labels_may_be_called_as_the_ends_of_an_interval_are():
    figures = {"exact_texts": 0.5, "exact_texts_low": 0.4, "exact_texts_high": 0.6}
    figures |= {"f1": 0.9, "f1_low": 0.8, "f1_high": 0.7}
    rows = list(figure_rows([JudgedModel("v", "d", figures)]))
    assert rows == [
        ["exact texts", "50.00 % (40.00 % to 60.00 %)"],
        ["F1", "90.00 %"],
        ["F1 low", "80.00 %"],
        ["F1 high", "70.00 %"],
    ]


@pytest.mark.parametrize(
    ("missed", "outcome"), [(50, "passed"), (70, "underpowered"), (100, "refused")]
)
def test_a_first_model_is_held_against_a_floor_of_f1(missed, outcome):
    # Of 800 entities 750, 730 or 700 are found, all of them right: F1 of 96.8, 95.4 or 93.3 %.
    golden = golden_of(400)
    settings = GateSettings(floor_accuracy=0.1, floor_f1=0.95)
    judgement = judge(golden, measured(golden, only(ADA, missed)), None, settings)
    assert finding(judgement, "F1").outcome == outcome
    assert "95.00 %" in finding(judgement, "F1").sentence


def counts(true, found, right):
    return F1Counts(np.array(true), np.array(found), np.array(right))


def test_the_interval_of_f1_is_that_of_resampled_texts():
    generator = np.random.default_rng(3)
    true = generator.poisson(1.5, 500)
    old, new = (counts(true, true, generator.binomial(true, share)) for share in (0.9, 0.87))
    drawn = generator.integers(0, 500, (4000, 500))
    totals = true[drawn].sum(1)
    expected = np.quantile(
        (new.right[drawn].sum(1) - old.right[drawn].sum(1)) / totals, [0.025, 0.975]
    )
    assert difference_interval(new, old) == pytest.approx(expected, abs=0.003)


def test_a_small_fall_passes():
    old = counts([1] * 300, [1] * 300, [1] * 280 + [0] * 20)
    new = counts([1] * 300, [1] * 300, [0] * 25 + [1] * 275)
    judged = judge_f1("entities", new, old, SETTINGS)
    assert judged.outcome == "passed"
    assert "−1.67 points" in judged.sentence


def test_a_large_fall_that_few_texts_carry_asks_for_more_of_them():
    """One long list of names, of 400 texts with one each, is no longer read."""
    old = counts([1] * 399 + [100], [1] * 399 + [100], [1] * 399 + [100])
    new = counts([1] * 399 + [100], [1] * 399 + [100], [1] * 399 + [0])
    judged = judge_f1("entities", new, old, SETTINGS)
    assert judged.outcome == "underpowered"
    assert "−20.04 points" in judged.sentence
    assert "more texts of their kind" in judged.sentence


def test_ten_thousand_resamples_of_texts_that_all_differ_take_little_memory():
    true = np.arange(1, 5001)
    tracemalloc.start()
    low, high = f1_interval(counts(true, true, true // 2))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.49 < low <= high < 0.51
    assert most < 50e6


def test_where_there_is_nothing_to_find_f1_is_nothing():
    assert counts([0, 0], [0, 0], [0, 0]).f1 == 0


def test_the_page_shows_the_figures_of_entities_and_the_texts_that_differ():
    golden = golden_of(400, empty=100)
    lost = {6: [ADA], 7: [ADA], 8: [ADA], 410: [ADA], 411: [ADA]}
    judgement = judge(golden, measured(golden, lost), measured(golden), SETTINGS)
    page = render_markdown(judgement)
    assert "| exact texts | 99.00 % (" in page
    assert "| F1 LOC | 99.62 % | 100.00 % |" in page
    assert "| precision | 99.75 % | 100.00 % |" in page
    assert "| calibration error |" in page
    assert "Difference in share of exact texts: **−1.00 points**" in page
    assert "| no entity | 100 | 98.00 % | 100.00 % |" in page
    assert (
        "| Ada (PER), Paris (LOC) | Ada (PER) 0.95 | Ada (PER), Paris (LOC) 0.95 | −0.33 |" in page
    )
    assert "| no entity | non (PER) 0.95 | no entity | −1.00 |" in page


def test_the_judgement_is_plain_json():
    golden = golden_of(400)
    judgement = judge(golden, measured(golden, {3: []}), measured(golden), SETTINGS)
    document = json.loads(json.dumps(to_json(judgement), allow_nan=False))
    assert document["candidate"]["figures"]["f1"] == pytest.approx(0.9987, abs=1e-4)
    assert document["disagreements"][0]["candidate_score"] is None


@pytest.fixture(scope="module")
def tagged():
    return parse_golden("\n".join(map(json.dumps, tagged_rows(400))).encode())


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    return open_artifact(write_entity_artifact(tmp_path_factory.mktemp("gate") / "champion"))


def test_an_artifact_is_judged_from_end_to_end(tagged, champion, tmp_path):
    first = run_gate(champion, None, tagged, LENIENT)
    assert first.outcome == "passed", first.reasons
    assert first.candidate.figures["f1"] == 1
    worse = write_entity_artifact(tmp_path / "worse", tag_of=KNOWS_NO_COMPANY)
    judgement = run_gate(open_artifact(worse), champion, tagged, LENIENT)
    assert judgement.outcome == "refused"
    assert any("label ORG" in reason for reason in judgement.reasons)
    assert judgement.paired is not None
    assert judgement.paired.lost == 100


def test_answers_stand_in_the_order_of_the_golden_set(tagged, champion):
    judgement = run_gate(champion, champion, tagged, LENIENT)
    assert judgement.candidate.figures["exact_texts"] == 1
    assert judgement.disagreements == []


def test_other_labels_are_refused(tagged, champion, tmp_path):
    other = write_entity_artifact(tmp_path / "other")
    manifest = json.loads((other / MANIFEST).read_text())
    manifest["decoding"]["tags"] = [
        tag.replace("PER", "PERSON") for tag in manifest["decoding"]["tags"]
    ]
    (other / MANIFEST).write_text(json.dumps(manifest | {"labels": ["LOC", "ORG", "PERSON"]}))
    judgement = run_gate(open_artifact(other), champion, tagged, LENIENT)
    assert judgement.outcome == "refused"
    assert [f.requirement for f in judgement.findings] == ["labels", "labels of the golden set"]


def test_a_golden_set_of_another_task_judges_nobody(champion, tagged, tmp_path):
    labelled = parse_golden("\n".join(map(json.dumps, golden_rows(40))).encode())
    classifier = open_artifact(write_artifact(tmp_path / "classifier"))
    for artifact, golden in (champion, labelled), (classifier, tagged):
        judgement = run_gate(artifact, None, golden, LENIENT)
        assert [f.requirement for f in judgement.findings] == ["task of the golden set"]
        assert "Freeze a golden set for that task" in judgement.reasons[0]
        assert golden.form.description in judgement.reasons[0]
