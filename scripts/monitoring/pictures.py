"""The pictures of a window: how it is spread beside the reference, and how that went in time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from scripts.monitoring.distributions import FEATURES, Distribution
from scripts.monitoring.reference import Reference
from scripts.monitoring.timeline import Slice
from scripts.monitoring.verdict import LEAST_INDEX, Verdict
from scripts.monitoring.wording import NAMES
from scripts.training.drawing import COLOURS, panels, save

MOST_NAMES = 20
COURSE = "course"


def draw(
    reference: Reference, verdict: Verdict, slices: Sequence[Slice], folder: Path
) -> dict[str, Path]:
    """Draw into a folder; returns each file by its feature, and `course` for that in time."""
    folder.mkdir(parents=True, exist_ok=True)
    drifted = {finding.feature for finding in verdict.drifted}
    figures = {
        feature: draw_spread(feature, reference.distributions[feature], window, feature in drifted)
        for feature, window in verdict.window.items()
    }
    if slices:
        figures[COURSE] = draw_course(slices)
    files = {name: folder / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        save(figure, files[name])
    return files


def draw_spread(
    feature: str, reference: Distribution, window: Distribution, drifted: bool
) -> Figure:
    """The share of texts in each bin; bins that nobody fell into are left out at the ends."""
    figure, (panel,) = panels(1, 5, 3.6)
    shown = np.flatnonzero(reference.counts + window.counts)
    if window.edges is not None:
        shown = np.arange(shown[0], shown[-1] + 1)
    places = np.arange(len(shown))
    panel.bar(places - 0.2, reference.shares[shown], 0.4, color=COLOURS[5], label="reference")
    panel.bar(places + 0.2, window.shares[shown], 0.4, color=COLOURS[4], label="this window")
    if len(shown) <= MOST_NAMES:
        names = [window.names[int(code)].replace(" to ", "–") for code in shown]
        panel.set_xticks(places, names, rotation=60 if len(names) > 3 else 0, fontsize=8)
    panel.set(title=f"{NAMES[feature]}{': drift' if drifted else ''}", ylabel="share of texts")
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return figure


def draw_course(slices: Sequence[Slice]) -> Figure:
    """The PSI of each feature over time, with the line from which it matters."""
    figure, (panel,) = panels(1, 9, 3.6)
    middles = [each.began + (each.ended - each.began) / 2 for each in slices]
    for number, feature in enumerate(FEATURES):
        effects = [each.effect(feature) for each in slices]
        if not np.isnan(effects).all():
            panel.plot(middles, effects, "o-", color=COLOURS[number], label=NAMES[feature])  # type: ignore[arg-type]
    panel.axhline(LEAST_INDEX, color="#777777", ls="--", lw=1, label="matters from here")
    panel.set(title="distance from the reference in time", ylabel="PSI")
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.25)
    formatter = ConciseDateFormatter(panel.xaxis.get_major_locator())  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(formatter)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    return figure
