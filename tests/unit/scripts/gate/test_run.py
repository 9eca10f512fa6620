"""The gate from end to end, on artifacts whose answers can be worked out by hand."""

import json
import re
from datetime import UTC, datetime

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from function.core.artifact import describe_files, open_artifact, read_manifest
from function.core.manifest import MANIFEST
from scripts.data.forms import FORMS
from scripts.gate.decision import judge_contract, run_gate
from scripts.gate.golden_set import GoldenSet
from scripts.gate.report import render_markdown
from scripts.gate.settings import GateSettings
from tests.tiny import FILES, VALUES, write_artifact

# A bag of words is right on half of the behavioural sentences, and its answers take microseconds.
SETTINGS = GateSettings(latency_ratio=100, floor_behaviour=0.4)
FORGOT = {word: value for word, value in VALUES.items() if word != "fine"}


def run(candidate, champion, golden, settings=SETTINGS):
    """The gate on artifacts by their folders."""
    held = None if champion is None else open_artifact(champion)
    return run_gate(open_artifact(candidate), held, golden, settings)


def golden_of(good=100, fine=50, dull=150):
    texts = [f"good film {row}" for row in range(good)]
    texts += [f"a fine one {row}" for row in range(fine)]
    texts += [f"the dull {row}" for row in range(dull)]
    return GoldenSet(FORMS["label"], texts, ["positive"] * (good + fine) + ["negative"] * dull)


@pytest.fixture
def champion(tmp_path):
    return write_artifact(tmp_path / "champion")


@pytest.fixture
def make_candidate(tmp_path):
    def make(**settings):
        settings = {"created": datetime(2026, 1, 3, tzinfo=UTC)} | settings
        return write_artifact(tmp_path / "candidate", **settings)

    return make


def rewrite(path, **changes):
    """Change a manifest as its author would: with digests that fit."""
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps(manifest | changes))
    return path


def test_a_candidate_with_the_same_answers_passes(champion, make_candidate):
    judgement = run(make_candidate(), champion, golden_of())
    assert judgement.outcome == "passed"
    assert judgement.candidate.version.startswith("20260103-")
    assert judgement.champion is not None
    assert judgement.champion.version.startswith("20260102-")
    assert judgement.candidate.figures["accuracy"] == 1.0
    assert judgement.candidate.figures["median_ms"] > 0
    assert set(judgement.candidate.behaviour) >= {"negation", "very short texts"}


def test_a_candidate_that_forgot_a_word_is_refused_with_figures(champion, make_candidate):
    judgement = run(make_candidate(values=FORGOT), champion, golden_of())
    assert judgement.outcome == "refused"
    assert judgement.paired is not None
    assert (judgement.paired.lost, judgement.paired.gained) == (50, 0)
    assert "−16.67 points" in judgement.reasons[0]
    assert any("label positive" in reason for reason in judgement.reasons)
    assert "fine" in judgement.disagreements[0].text


def test_a_candidate_that_learned_a_word_passes(make_candidate, tmp_path):
    forgetful = write_artifact(tmp_path / "forgetful", values=FORGOT)
    judgement = run(make_candidate(), forgetful, golden_of())
    assert judgement.outcome == "passed"
    assert judgement.paired is not None
    assert judgement.paired.gained == 50


def test_a_candidate_that_is_never_sure_is_refused_for_that(champion, make_candidate):
    judgement = run(make_candidate(temperature=40.0), champion, golden_of())
    assert judgement.outcome == "refused"
    assert all(reason.startswith("Calibration") for reason in judgement.reasons)


def test_too_few_rows_decide_nothing(champion, make_candidate):
    judgement = run(make_candidate(), champion, golden_of(50, 40, 109))
    assert judgement.outcome == "underpowered"
    assert "199 rows" in judgement.reasons[0]


@pytest.mark.parametrize("labels", [["positive", "negative"], ["negative", "positive", "other"]])
def test_other_labels_are_refused_before_anything_is_scored(champion, make_candidate, labels):
    candidate = make_candidate()
    (candidate / "model.onnx").write_bytes(b"no graph, so that opening it would fail")
    files = {name: entry.model_dump() for name, entry in describe_files(candidate, FILES).items()}
    rewrite(candidate, labels=labels, files=files)
    judgement = run(candidate, champion, golden_of())
    assert judgement.outcome == "refused"
    assert ", ".join(labels) in judgement.reasons[0]
    assert judgement.candidate.figures == {}
    assert "refused" in render_markdown(judgement)


def test_another_task_and_other_labels_are_both_named(artifact):
    manifest = read_manifest(artifact).manifest
    other = manifest.model_copy(update={"task": "token-classification", "labels": ["O", "PER"]})
    broken = judge_contract(other, manifest, golden_of())
    assert [f.requirement for f in broken] == ["task", "labels", "task of the golden set"]
    assert judge_contract(manifest, manifest, golden_of()) == []


def test_a_golden_set_of_labels_that_a_first_model_cannot_give_refuses_it(make_candidate):
    golden = GoldenSet(FORMS["label"], ["good", "so so"], ["positive", "neutral"])
    judgement = run(make_candidate(), None, golden)
    assert judgement.outcome == "refused"
    assert "neutral" in judgement.reasons[0]


def test_a_heavier_candidate_is_refused(champion, make_candidate):
    candidate = make_candidate()
    (candidate / "README.md").write_text("word " * 2000)
    described = describe_files(candidate, [*FILES, ("README.md", "card")])
    rewrite(candidate, files={name: entry.model_dump() for name, entry in described.items()})
    judgement = run(candidate, champion, golden_of())
    assert judgement.outcome == "refused"
    assert [reason.split()[:2] for reason in judgement.reasons] == [["Artifact", "size"]]


def test_latencies_are_the_candidates_and_then_the_champions(champion, make_candidate, monkeypatch):
    monkeypatch.setattr("scripts.gate.decision.median_latencies", lambda *_: [9.0, 1.0])
    strict = SETTINGS.model_copy(update={"latency_ratio": 1.25})
    judgement = run(make_candidate(), champion, golden_of(), strict)
    assert judgement.outcome == "refused"
    assert judgement.reasons == [
        "Median latency 9.00 ms, 9.00 times the champion's 1.00 ms; at most 1.25 times. Take a "
        "smaller base or shorter windows; on a busy machine, run it again. To accept it as it is, "
        "set a higher latency_ratio in a TOML file and give that by --gate."
    ]


def test_a_first_model_that_reaches_the_floors_passes(make_candidate):
    judgement = run(make_candidate(), None, golden_of())
    assert judgement.outcome == "passed"
    assert judgement.champion is None


def test_a_first_model_below_a_floor_is_refused(make_candidate):
    strict = SETTINGS.model_copy(update={"floor_behaviour": 0.75})
    judgement = run(make_candidate(values=FORGOT), None, golden_of(50, 80, 70), strict)
    assert judgement.outcome == "refused"
    assert judgement.reasons[0].startswith("Accuracy 60.00 %")
    assert sum(reason.startswith("Behaviour") for reason in judgement.reasons) == 2
    for setting in ("floor_accuracy", "floor_behaviour"):
        assert any(setting in reason for reason in judgement.reasons)


def test_what_is_refused_has_advice_and_the_limits_that_it_names_exist(champion, make_candidate):
    strict = GateSettings(size_ratio=1, latency_ratio=1, slice_rows=1)
    slow = make_candidate(values=FORGOT, temperature=0.05, max_windows=99)
    for before, golden in (
        (champion, golden_of()),
        (None, golden_of()),
        (None, golden_of(9, 9, 9)),
    ):
        judgement = run(slow, before, golden, strict)
        assert judgement.outcome in ("refused", "underpowered")
        for finding in judgement.findings:
            if finding.outcome in ("refused", "underpowered"):
                assert finding.advice, finding
            for setting in re.findall(r"(?:higher|lower) (\w+) in a TOML", finding.advice):
                assert setting in GateSettings.model_fields


def test_labels_that_are_no_sentiment_skip_the_behavioural_checks(champion, make_candidate):
    rows = golden_of()
    golden = GoldenSet(
        FORMS["label"],
        rows.texts,
        ["ham" if label == "positive" else "spam" for label in rows.truth],
    )
    candidate, old = (
        rewrite(path, labels=["spam", "ham"]) for path in (make_candidate(), champion)
    )
    judgement = run(candidate, old, golden)
    assert judgement.outcome == "passed"
    assert judgement.candidate.behaviour == {}
    assert "skipped" in render_markdown(judgement)


def test_a_candidate_that_answers_with_no_number_is_refused(champion, make_candidate):
    broken = make_candidate(values=VALUES | {"fine": float("nan")})
    judgement = run(broken, champion, golden_of())
    assert judgement.outcome == "refused"
    assert "cannot answer" in judgement.reasons[0]


@pytest.mark.parametrize("damage", [{"labels": ["a", "b", "c"]}, {"vocabulary": 10**6}])
def test_a_candidate_whose_graph_does_not_fit_is_refused(champion, make_candidate, damage):
    broken = make_candidate()
    graph = onnx.load(broken / "model.onnx")
    table = next(each for each in graph.graph.initializer if len(each.dims) == 2)
    values = numpy_helper.to_array(table)
    changed = values[:2] if "vocabulary" in damage else np.pad(values, ((0, 0), (0, 1)))
    table.CopyFrom(numpy_helper.from_array(changed, table.name))
    onnx.save(graph, broken / "model.onnx")
    rewrite(broken, files={k: v.model_dump() for k, v in describe_files(broken, FILES).items()})
    judgement = run(broken, champion, golden_of())
    assert judgement.outcome == "refused"
    assert "cannot answer" in judgement.reasons[0]
