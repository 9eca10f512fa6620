"""Plots of a training run: how it learnt, and how its artifact answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from scripts.common.pictures import COLOURS, panels, save
from scripts.evaluate.evaluation import Evaluation
from scripts.evaluate.metrics import (
    CALIBRATION_BINS,
    accuracy,
    calibration_error,
    wilson_interval,
)

# More labels than these are drawn without numbers, and without names.
MOST_NUMBERS, MOST_NAMES = 12, 40
LENGTH_BINS = 10
SMOOTHED = 50

Evaluations = Mapping[str, Evaluation]


def draw_plots(
    records: Sequence[dict[str, Any]],
    evaluations: Evaluations,
    labels: Sequence[str],
    folder: Path,
) -> list[Path]:
    """Draw the plots of a classifier's run into `folder` and return the files.

    `records` are the lines of the run's log, `evaluations` calibrated answers by data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    answered = {name: found for name, found in evaluations.items() if len(found.truth)}
    figures = {
        "loss": draw_loss(records),
        "confusion": draw_confusion(answered, labels),
        "reliability": draw_reliability(answered),
        "lengths": draw_lengths(answered),
    }
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in figures]


def save_loss(records: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Draw the loss alone into `folder` and return the file."""
    folder.mkdir(exist_ok=True)
    save(draw_loss(records), folder / "loss.png")
    return [folder / "loss.png"]


def draw_loss(records: Sequence[dict[str, Any]]) -> Figure:
    """Draw the loss of each step and its moving mean, a panel for each phase."""
    phases: dict[str, dict[int, float]] = {}
    for record in records:
        if "loss" in record:
            # A step that was repeated after a kill counts once.
            phases.setdefault(record["phase"], {})[record["step"]] = record["loss"]
    figure, axes = panels(len(phases), 6, 3.4)
    for panel, (phase, losses) in zip(axes, phases.items(), strict=True):
        steps, values = np.array(sorted(losses)), np.array([losses[n] for n in sorted(losses)])
        width = max(1, len(values) // SMOOTHED)
        smooth = np.convolve(values, np.ones(width) / width, "valid")
        centres = steps[(width - 1) // 2 :][: len(smooth)]
        panel.plot(steps, values, color=COLOURS[5], lw=0.6, alpha=0.6, label="each step")
        panel.plot(centres, smooth, color=COLOURS[0], lw=1.8, label=f"mean of {width}")
        panel.set(title=phase, xlabel="step", ylabel="loss")
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)
    return figure


def draw_confusion(evaluations: Evaluations, labels: Sequence[str]) -> Figure:
    """Draw a confusion matrix for each data set, shaded by the share of the true label."""
    side = float(np.clip(2.4 + 0.22 * len(labels), 3.4, 9))
    figure, axes = panels(len(evaluations), side, side)
    for panel, (name, found) in zip(axes, evaluations.items(), strict=True):
        counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
        np.add.at(counts, (found.truth, found.probabilities.argmax(1)), 1)
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        panel.set(title=name, xlabel="answered", ylabel="true")
        _name_labels(panel, labels)
        if len(labels) <= MOST_NUMBERS:
            for (true, given), count in np.ndenumerate(counts):
                colour = "white" if shares[true, given] > 0.5 else "black"
                panel.text(given, true, f"{count:,}", ha="center", va="center", color=colour)
    return figure


def draw_reliability(evaluations: Evaluations) -> Figure:
    """Draw accuracy by confidence in 15 bins, with 95 % intervals and each bin's share of texts."""
    figure, axes = panels(len(evaluations), 4, 3.8)
    for panel, (name, found) in zip(axes, evaluations.items(), strict=True):
        confidence = found.probabilities.max(1)
        bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        shares = np.bincount(bins, minlength=CALIBRATION_BINS) / len(bins)
        edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
        panel.stairs(shares, edges, fill=True, color=COLOURS[1], alpha=0.35, label="of the texts")
        panel.plot([0, 1], [0, 1], "--", color="#777777", lw=1)
        _accuracies(panel, found, confidence, [bins == number for number in np.unique(bins)])
        error = calibration_error(found.probabilities, found.truth)
        panel.set(title=f"{name}, ECE {error:.3f}", xlabel="confidence", ylabel="share")
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
        panel.legend(frameon=False, loc="upper left")
    return figure


def draw_lengths(evaluations: Evaluations) -> Figure:
    """Draw accuracy, with 95 % intervals, in up to ten equally full ranges of length."""
    figure, axes = panels(len(evaluations), 4, 3.4)
    for panel, (name, found) in zip(axes, evaluations.items(), strict=True):
        edges = np.unique(np.quantile(found.tokens, np.linspace(0, 1, LENGTH_BINS + 1)))
        bins = np.searchsorted(edges[1:-1], found.tokens, side="right")
        members = [bins == number for number in np.unique(bins)]
        panel.axhline(accuracy(found.probabilities, found.truth), color="#777777", ls="--", lw=1)
        _accuracies(panel, found, np.maximum(found.tokens, 1), members)
        panel.set(title=name, xlabel="tokens a text", ylabel="accuracy")
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.25)
    return figure


def _accuracies(
    panel: Axes, found: Evaluation, position: np.ndarray, members: Sequence[np.ndarray]
) -> None:
    """Draw the accuracy of each set of texts over its mean position, with its Wilson interval."""
    right = found.probabilities.argmax(1) == found.truth
    shares = np.array([right[chosen].mean() for chosen in members])
    intervals = [wilson_interval(int(right[chosen].sum()), int(chosen.sum())) for chosen in members]
    panel.errorbar(
        [float(position[chosen].mean()) for chosen in members],
        shares,
        yerr=np.abs(np.array(intervals).T - shares),
        fmt="o",
        color=COLOURS[0],
        capsize=2,
        label="accuracy",
    )


def _name_labels(panel: Axes, labels: Sequence[str]) -> None:
    if len(labels) > MOST_NAMES:
        return
    ticks = range(len(labels))
    panel.set_xticks(ticks, labels, rotation=30 if len(labels) <= 4 else 90)
    panel.set_yticks(ticks, labels)
