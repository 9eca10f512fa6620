"""Cascades: kept where they are surely as good as the full model, and dropped where not."""

import json
import sys
from typing import Any

import numpy as np
import pytest

from function.core.artifact import describe_files, open_artifact, verify
from function.core.manifest import MANIFEST, Blend
from function.core.types import Options
from scripts import cascade as command
from scripts.common.command_line import run
from scripts.evaluate.evaluation import open_predictor
from scripts.evaluate.paired import holm
from scripts.train.cascade import LearntCascade, temper
from scripts.train.cascade_proof import UNFITTED, Answers, choose, fit_settings, prove
from scripts.train.ngram_table import learn_table
from tests.tiny import write_artifact

TEXTS = 5000
DISAGREE = 0.06  # share of texts that the planted stages answer differently
LABELS = ["negative", "positive"]


def planted(better, seed):
    """Whether full model and cascade are right, where the cascade is `better` in truth."""
    draw = np.random.default_rng(seed)
    kind = draw.random(TEXTS)
    gained = kind < (DISAGREE + better) / 2
    lost = (kind >= (DISAGREE + better) / 2) & (kind < DISAGREE)
    full = draw.random(TEXTS) < 0.92
    full[gained], full[lost] = False, True
    right = full.copy()
    right[gained], right[lost] = True, False
    return full, right


def kept(better, seed):
    full, right = planted(better, seed)
    answers = Answers(
        first=np.zeros((TEXTS, 2)),
        full=np.where(full[:, None], [1.0, 0.0], [0.0, 1.0]),
        tokens=np.ones(TEXTS, dtype=np.int64),
        truth=np.zeros(TEXTS, dtype=np.int64),
    )
    return prove(answers, np.ones(TEXTS, dtype=bool), right, {})["kept"]


def test_of_100_cascades_that_are_a_point_better_95_are_kept():
    assert sum(kept(0.01, seed) for seed in range(100)) >= 95


def test_of_100_cascades_that_are_half_a_point_worse_95_are_dropped():
    assert sum(not kept(-0.005, seed) for seed in range(100)) >= 95


def test_a_slice_that_is_surely_worse_drops_a_cascade_that_is_better_overall():
    full, right = planted(0.01, 1)
    answers = Answers(
        np.zeros((TEXTS, 2)),
        np.where(full[:, None], [1.0, 0.0], [0.0, 1.0]),
        np.ones(TEXTS, dtype=np.int64),
        np.zeros(TEXTS, dtype=np.int64),
    )
    lost = np.flatnonzero(full & right)[:60]
    right[lost] = False
    inside = np.zeros(TEXTS, dtype=bool)
    inside[lost] = True
    proof = prove(answers, np.ones(TEXTS, dtype=bool), right, {"short": inside})
    assert proof["interval"][0] > -0.02
    assert (proof["kept"], proof["worse"]) == (False, ["short"])


def test_a_first_stage_that_answers_too_few_texts_is_not_worth_its_bytes():
    full, right = planted(0.01, 1)
    answers = Answers(
        np.zeros((TEXTS, 2)),
        np.where(full[:, None], [1.0, 0.0], [0.0, 1.0]),
        np.ones(TEXTS, dtype=np.int64),
        np.zeros(TEXTS, dtype=np.int64),
    )
    few = np.arange(TEXTS) < 0.19 * TEXTS
    assert not prove(answers, few, right, {})["kept"]


def test_holm_stops_at_the_first_p_value_that_is_too_large():
    assert holm({"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.0001}) == ["d", "a", "b", "c"]
    assert holm({"a": 0.03, "b": 0.02, "c": 0.04}) == []
    assert holm({}) == []


def synthetic(seed, noise_full):
    """A first stage whose margin says how likely it is right, and a full model with noise."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 2, TEXTS)
    sign = 2 * truth - 1
    first = sign * 1.5 + draw.normal(0, 1.2, TEXTS)
    full = sign * 2.5 + draw.normal(0, noise_full, TEXTS)
    tokens = draw.integers(5, 400, TEXTS)
    zeros = np.zeros(TEXTS)
    stacked = [np.column_stack([zeros, logits]) for logits in (first, full)]
    return Answers(stacked[0], stacked[1], tokens, truth)


def test_the_margin_predicts_how_often_the_first_stage_is_right():
    answers = synthetic(1, noise_full=1.5)
    settings = fit_settings(answers, 0.9)
    margins = np.abs(answers.first[:, 1])
    right = (answers.first[:, 1] > 0) == answers.truth
    for low, high in ((0.5, 0.75), (0.75, 0.9), (0.9, 1.0)):
        chances = np.array(
            [settings.right(m, t) for m, t in zip(margins, answers.tokens, strict=True)]
        )
        rows = (chances >= low) & (chances < high)
        assert abs(right[rows].mean() - chances[rows].mean()) < 0.03


def test_two_stages_that_err_apart_are_blended_and_kept():
    settings = choose(synthetic(2, noise_full=1.7), ["toy"] * TEXTS, LABELS)
    assert settings is not None
    assert settings.blend.first > 0.2
    assert settings.proof["accuracy"] > settings.proof["full_accuracy"]
    assert settings.proof["share"] > 0.3
    assert set(settings.proof["slices"]) == {
        "toy",
        "label negative",
        "label positive",
        "short",
        "long",
    }


def test_texts_that_are_short_and_cheap_are_left_to_the_full_model():
    answers = synthetic(2, noise_full=1.7)
    short = np.arange(TEXTS) < 600  # a data set of sentences
    answers.tokens[short] = np.random.default_rng(1).integers(3, 9, 600)
    answers.tokens[~short] = np.maximum(answers.tokens[~short], 40)
    parts = ["sentences" if each else "reviews" for each in short]
    settings = choose(answers, parts, LABELS)
    assert settings is not None
    assert settings.least_tokens > 9
    proof = settings.proof["slices"]
    assert (proof["sentences"]["share"], proof["sentences"]["difference"]) == (0, 0)
    assert proof["reviews"]["difference"] > 0
    shorter = answers.tokens[answers.tokens < settings.least_tokens]
    assert shorter.sum() <= 0.02 * answers.tokens.sum()


def test_texts_of_one_length_are_all_for_the_first_stage():
    answers = synthetic(2, noise_full=1.7)
    answers.tokens[:] = 7
    settings = choose(answers, ["toy"] * TEXTS, LABELS)
    assert settings is not None
    assert settings.least_tokens == 7


def test_a_first_stage_that_knows_nothing_is_dropped():
    answers = synthetic(3, noise_full=0.5)
    noise = np.random.default_rng(4).normal(0, 1, answers.first.shape)
    blind = Answers(noise, answers.full, answers.tokens, answers.truth)
    assert choose(blind, ["toy"] * TEXTS, LABELS) is None


def tempered(count):
    """A cascade whose full model is twice too sure of the `count` texts that it answers alone."""
    draw = np.random.default_rng(6)
    truth = draw.integers(0, 2, 2 * count)
    fair = (2 * truth - 1) * 0.5 + draw.normal(0, 1, 2 * count)  # P(truth | x) = sigmoid(x)
    short = np.arange(2 * count) < count
    full = np.column_stack([np.zeros(2 * count), np.where(short, 2 * fair, fair)])
    settings = UNFITTED.model_copy(update={"least_tokens": 10, "blend": Blend(full=0.8, first=0.3)})
    table = learn_table([np.arange(9), np.arange(5)], np.array([0, 1]), 2, seed=1)
    learnt = LearntCascade(table, settings, temperature=1.5)
    return temper(learnt, full, np.where(short, 5, 50), truth)


def test_a_cascades_temperature_is_that_of_texts_that_the_full_model_answers_alone():
    found = tempered(20_000)
    assert found.temperature == pytest.approx(2 * 1.5, rel=0.05)
    # Blended answers stay as they were: their logits shrink as their weight grows.
    assert found.settings.blend.full / found.temperature == pytest.approx(0.8 / 1.5, rel=1e-3)
    assert found.settings.blend.first == 0.3


def test_too_few_short_texts_leave_the_temperature():
    assert tempered(400).temperature == 1.5


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_table_tells_labels_by_their_tokens(count):
    draw = np.random.default_rng(count)
    labels = draw.integers(0, count, 400)
    ids = [np.concatenate([draw.integers(100, 200, 20), np.full(3, label)]) for label in labels]
    table = learn_table(ids, labels, count, seed=1)
    assert table.weights.shape == (1 << 21, 1 if count == 2 else count)
    stage = table.first_stage(UNFITTED)
    assert [int(stage.logits(text).argmax()) for text in ids] == labels.tolist()


@pytest.fixture
def reviews(tmp_path):
    """Texts of the tiny model's words, which its own words decide."""
    draw = np.random.default_rng(5)
    words = np.array(["the", "film", "is", "good", "fine", "bad", "dull"])
    rows: list[dict[str, str]] = []
    while len(rows) < 14_000:
        text = draw.choice(words, draw.integers(2, 8))
        value = sum({"good": 1, "fine": 1, "bad": -1, "dull": -1}.get(word, 0) for word in text)
        if value:
            rows.append({"text": " ".join(text), "label": LABELS[int(value > 0)]})
    path = tmp_path / "reviews.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def give_cascade(monkeypatch, artifact, data, output, *options):
    arguments = ["--artifact", artifact, "--data", data, "--output", output, *options]
    monkeypatch.setattr(sys, "argv", ["cascade", *map(str, arguments)])
    try:
        run(command.main)
    except SystemExit as ended:
        return ended.code
    return 0


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "the model's own answers"])
def test_the_command_gives_an_artifact_a_proved_first_stage(
    tmp_path, reviews, monkeypatch, labelled
):
    artifact = write_artifact(tmp_path / "artifact", max_tokens=16)
    output = tmp_path / "with-cascade"
    column = "label" if labelled else "nothing"
    assert give_cascade(monkeypatch, artifact, reviews, output, "--label", column) == 0
    made = open_artifact(output)
    verify(made)
    assert made.manifest.cascade is not None
    assert made.manifest.cascade.proof["share"] > 0.9
    served, full = open_predictor(output), open_predictor(output, cascade=False)
    texts = ["the film is good", "the film is dull", "fine film is fine", "bad film"]
    answers = served.classify(texts)
    assert [each.label for each in answers] == [each.label for each in full.classify(texts)]
    assert {each.stage for each in answers} == {"first"}
    assert {each.stage for each in served.classify(texts, Options(cascade="off"))} == {"full"}
    assert (output / "cascade.safetensors").stat().st_mode & 0o044


def test_a_new_first_stage_replaces_the_one_that_is_there(tmp_path, reviews, monkeypatch):
    artifact = write_artifact(tmp_path / "artifact", max_tokens=16)
    assert give_cascade(monkeypatch, artifact, reviews, tmp_path / "once") == 0
    assert give_cascade(monkeypatch, tmp_path / "once", reviews, tmp_path / "twice") == 0
    once, twice = (open_artifact(tmp_path / name) for name in ("once", "twice"))
    verify(twice)
    # The first stage learns from texts and from the full model, which are what they were.
    assert twice.manifest.cascade == once.manifest.cascade
    assert twice.manifest.files["cascade.safetensors"] == once.manifest.files["cascade.safetensors"]
    assert twice.manifest.provenance["cascade_of"] == once.version


def test_a_change_of_settings_that_are_not_given_is_refused(tmp_path, reviews, monkeypatch, capsys):
    artifact = write_artifact(tmp_path / "artifact", max_tokens=16)
    changed = ["--set", "cascade.sure=0.8"]
    assert give_cascade(monkeypatch, artifact, reviews, tmp_path / "output", *changed) == 2
    assert "--set changes what --config says: give that, too" in capsys.readouterr().err


def test_the_card_tells_what_the_cascade_is_worth(tmp_path, reviews, monkeypatch):
    provenance: dict[str, Any] = {
        "config": {"evaluation": {}},
        "base": None,
        "datasets": {},
        "licenses": {},
    }
    folder = write_artifact(tmp_path / "artifact", max_tokens=16, provenance=provenance)
    (folder / "README.md").write_text("of the model alone\n")
    manifest = json.loads((folder / MANIFEST).read_text())
    described = describe_files(folder, [("README.md", "card")])["README.md"].model_dump()
    manifest["files"]["README.md"] = described
    (folder / MANIFEST).write_text(json.dumps(manifest))
    output = tmp_path / "with-cascade"
    assert give_cascade(monkeypatch, folder, reviews, output) == 0
    verify(open_artifact(output))
    card = (output / "README.md").read_text()
    assert "of the model alone" not in card
    assert "| reviews-validation | 2800 |" in card
    assert "| threshold | answered first | accuracy |" in card


def test_the_command_leaves_an_artifact_alone_where_nothing_can_be_proved(
    tmp_path, reviews, monkeypatch, capsys
):
    artifact = write_artifact(tmp_path / "artifact", max_tokens=16)
    lines = reviews.read_text().splitlines(keepends=True)
    reviews.write_text("".join(lines[:5000]))
    output = tmp_path / "with-cascade"
    assert give_cascade(monkeypatch, artifact, reviews, output) == 3
    assert not output.exists()
    assert "a proof takes 2,500 validation texts, here are 1,000" in capsys.readouterr().err
