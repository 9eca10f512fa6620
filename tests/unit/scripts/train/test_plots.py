"""What the plots of a run show, read back from the figures."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts.evaluate.evaluation import Evaluation
from scripts.evaluate.metrics import calibration_error, wilson_interval
from scripts.train.plots import (
    draw_confusion,
    draw_lengths,
    draw_loss,
    draw_plots,
    draw_reliability,
)

RECORDS: list[dict[str, Any]] = [
    *({"phase": "pretraining", "step": n, "loss": 5.0} for n in (1, 2)),
    *({"phase": "finetuning", "step": n, "loss": 1 / n} for n in range(1, 301)),
    {"phase": "finetuning", "step": 300, "toy": 0.9},
    {"phase": "finetuning", "resumed_at": 299, "of": 300},
    {"phase": "finetuning", "step": 300, "loss": 1 / 300},
]


def make_evaluation(texts=600, labels=2, seed=0):
    """Answers whose confidence is too high by half, and worse on longer texts."""
    generator = np.random.default_rng(seed)
    tokens = generator.integers(1, 600, texts)
    truth = generator.integers(labels, size=texts)
    right = generator.random(texts) < np.where(tokens < 300, 0.95, 0.7)
    answer = np.where(right, truth, (truth + 1) % labels)
    probabilities = np.full((texts, labels), 0.02 / (labels - 1))
    probabilities[np.arange(texts), answer] = 0.98
    return Evaluation(probabilities, truth, tokens)


def markers(panel):
    """The points of a panel with error bars: places, shares, and lower and upper ends."""
    (bars,) = panel.containers
    line, _, (spans,) = bars.lines
    ends = np.array([segment[:, 1] for segment in spans.get_segments()])
    return *line.get_data(), ends


def test_the_loss_of_each_phase_is_drawn_once_a_step():
    first, second = draw_loss(RECORDS).axes
    assert [first.get_title(), second.get_title()] == ["pretraining", "finetuning"]
    steps, losses = map(np.asarray, second.lines[0].get_data())
    assert list(steps) == list(range(1, 301))
    assert losses[-1] == 1 / 300
    centres, smooth = map(np.asarray, second.lines[1].get_data())
    assert smooth[0] == pytest.approx(np.mean([1 / n for n in range(1, 7)]))
    assert (centres[0], len(smooth)) == (3, 295)


def test_a_run_that_stops_after_one_step_has_a_loss_too():
    (panel,) = draw_loss([{"phase": "finetuning", "step": 1, "loss": 0.7}]).axes
    assert panel.lines[1].get_data()[1] == [0.7]


def test_a_run_whose_log_was_removed_is_drawn_without_a_loss():
    assert not draw_loss([]).axes


def test_the_confusion_matrix_counts_texts_by_true_and_given_label():
    answers = Evaluation(
        np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.9, 0], [0, 0, 1]]),
        np.array([0, 0, 1, 2]),
        np.array([3, 3, 3, 3]),
    )
    (panel,) = draw_confusion({"toy": answers}, ["a", "b", "c"]).axes
    shares = np.asarray(panel.images[0].get_array())
    assert shares.tolist() == [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]
    counts = {tuple(text.get_position()): text.get_text() for text in panel.texts}
    assert counts[(1, 0)] == "1", "one text of label a was answered b"
    assert counts[(0, 1)] == "0"
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b", "c"]


def test_a_confusion_matrix_of_very_many_labels_is_drawn_without_numbers():
    names = [f"label {n}" for n in range(60)]
    (panel,) = draw_confusion({"toy": make_evaluation(labels=60)}, names).axes
    assert np.asarray(panel.images[0].get_array()).shape == (60, 60)
    assert not panel.texts


def test_the_reliability_diagram_shows_accuracy_and_its_interval_where_the_confidence_is():
    found = make_evaluation()
    (panel,) = draw_reliability({"toy": found}).axes
    places, shares, ends = markers(panel)
    right = int((found.probabilities.argmax(1) == found.truth).sum())
    assert places == pytest.approx([0.98])
    assert shares == pytest.approx([right / 600])
    assert ends[0] == pytest.approx(wilson_interval(right, 600))
    error = calibration_error(found.probabilities, found.truth)
    assert error > 0.1
    assert f"ECE {error:.3f}" in panel.get_title()


def test_accuracy_falls_with_length_where_the_answers_do():
    (panel,) = draw_lengths({"toy": make_evaluation(texts=4000)}).axes
    places, shares, ends = markers(panel)
    assert len(places) == 10
    assert list(places) == sorted(places)
    assert min(shares[:4]) > 0.9
    assert max(shares[-4:]) < 0.8
    assert all(low < share < high for share, (low, high) in zip(shares, ends, strict=True))


def test_texts_of_one_length_make_one_point():
    found = make_evaluation()
    same = Evaluation(found.probabilities, found.truth, np.full(len(found.truth), 7))
    (panel,) = draw_lengths({"toy": same}).axes
    assert list(markers(panel)[0]) == [7]


def test_every_picture_becomes_a_small_file(tmp_path):
    empty = Evaluation(np.zeros((0, 2)), np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    evaluations = {f"set-{n}": make_evaluation(seed=n) for n in range(5)} | {"empty": empty}
    files = draw_plots(RECORDS, evaluations, ["no", "yes"], tmp_path / "plots")
    assert {file.name for file in files} == {
        "loss.png",
        "confusion.png",
        "reliability.png",
        "lengths.png",
    }
    for file in files:
        assert Image.open(file).format == "PNG"
        assert file.stat().st_size < 150_000
