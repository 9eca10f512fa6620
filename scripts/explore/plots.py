"""The pictures of a data report, in the style of training's plots."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from scripts.common.pictures import COLOURS, panels, save
from scripts.explore.survey import TOKEN_LIMITS, CountedTexts, Counts, Survey

WIDTH = 8.0  # inches
MOST_BARS = 30
LINES = ("-", "--", ":", "-.")


def draw_data_plots(
    survey: Survey, labels: Sequence[str], folder: Path, prefix: str
) -> dict[str, str]:
    """Draw what the data allow; return the file name of each picture by its topic.

    The topics are `labels` and `lengths`, and `ratings` and `groups` if a source has them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"labels": _labels(survey.parts, labels), "lengths": _lengths(survey.sources)}
    if rated := [source for source in survey.sources if source.ratings]:
        figures["ratings"] = _ratings(rated)
    if grouped := [source for source in survey.sources if source.groups]:
        figures["groups"] = _groups(grouped)
    names = {topic: f"{prefix}-{topic}.png" for topic in figures}
    for topic, figure in figures.items():
        save(figure, folder / names[topic])
    return names


def _labels(parts: Sequence[CountedTexts], labels: Sequence[str]) -> Figure:
    shown = [part for part in parts if part.labels]
    figure, (axes,) = panels(1, WIDTH, 1.0 + 0.38 * len(shown))
    left = np.zeros(len(shown))
    for code, label in enumerate(labels):
        shares = np.array([100 * part.labels.count(code) / len(part) for part in shown])
        bars = axes.barh(
            [part.name for part in shown], shares, left=left, color=_colour(code + 1), label=label
        )
        axes.bar_label(bars, fmt="%.1f %%", label_type="center", color="black", fontsize=9)
        left += shares
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("rows of the part, %")
    figure.legend(loc="outside upper right", ncols=len(labels), frameon=False)
    return figure


def _lengths(sources: Sequence[CountedTexts]) -> Figure:
    figure, (words, tokens) = panels(2, WIDTH / 2, 3.4)
    _length_lines(words, [(source.name, source.words) for source in sources])
    _length_lines(tokens, [(source.name, source.tokens) for source in sources])
    for limit in TOKEN_LIMITS:
        tokens.axvline(limit, color="#777777", linestyle=":", linewidth=1)
        tokens.annotate(
            str(limit), (limit, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom"
        )
    words.set_xlabel("words a text")
    tokens.set_xlabel("tokens a text, special tokens included")
    words.set_ylabel("texts of at most that length, %")
    figure.legend(
        *words.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False
    )
    return figure


def _length_lines(axes: Axes, sources: Sequence[tuple[str, Counts]]) -> None:
    shares = np.linspace(0, 100, 201)
    for number, (name, lengths) in enumerate(sources):
        shortest = np.percentile(lengths, shares)
        axes.plot(
            shortest, shares, LINES[number % len(LINES)], color=_colour(number), label=name, lw=1.8
        )
    axes.set_xscale("log")
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.grid(alpha=0.25)


def _ratings(sources: Sequence[CountedTexts]) -> Figure:
    figure, (axes,) = panels(1, WIDTH, 3.0)
    ratings = range(
        min(min(source.ratings) for source in sources),
        max(max(source.ratings) for source in sources) + 1,
    )
    width = 0.8 / len(sources)
    for number, source in enumerate(sources):
        found = Counter(source.ratings)
        axes.bar(
            [rating + (number - (len(sources) - 1) / 2) * width for rating in ratings],
            [100 * found[rating] / len(source) for rating in ratings],
            width,
            color=_colour(number),
            label=source.name,
        )
    axes.set_xticks(list(ratings))
    axes.set_xlabel("rating")
    axes.set_ylabel("rows of the source, %")
    figure.legend(loc="outside upper left", ncols=2, frameon=False)
    return figure


def _groups(sources: Sequence[CountedTexts]) -> Figure:
    figure, (axes,) = panels(1, WIDTH, 3.0)
    sizes = [np.array(list(Counter(source.groups).values())) for source in sources]
    largest = max(int(found.max()) for found in sizes)
    step = -(-largest // MOST_BARS)
    bounds = np.arange(0.5, largest + step + 0.5, step)
    for number, (source, found) in enumerate(zip(sources, sizes, strict=True)):
        counts, _ = np.histogram(found, bounds)
        axes.stairs(
            100 * counts / len(found), bounds, color=_colour(number), label=source.name, lw=1.6
        )
    axes.set_xlabel("rows a group")
    axes.set_ylabel("groups of the source, %")
    figure.legend(loc="outside upper left", ncols=2, frameon=False)
    return figure


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
