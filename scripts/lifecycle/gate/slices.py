"""Parts of the golden set, so that a gain on most texts hides no large loss on some."""

from collections.abc import Mapping, Sequence

import numpy as np

from scripts.evaluate.paired import compare
from scripts.lifecycle.gate.answers import Answers, Part
from scripts.lifecycle.gate.judgement import Finding, Slice
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.wording import percent, points


def cut(texts: Sequence[str], answers: Answers, settings: GateSettings) -> dict[str, Part]:
    """Each part that has any rows: short texts, long texts, and those that the task knows."""
    words = np.array([len(text.split()) for text in texts])
    short, long = settings.short_words, settings.long_words
    parts = {
        f"short (at most {short} words)": Part(words <= short, answers.right),
        f"long (at least {long} words)": Part(words >= long, answers.right),
        **answers.parts(),
    }
    return {name: part for name, part in parts.items() if part.rows.any()}


def measure_slices(
    candidate: Mapping[str, Part], champion: Mapping[str, Part] | None
) -> list[Slice]:
    """The share of right answers on each part; the champion has the same parts."""
    return [
        _slice(name, part, champion[name] if champion else None) for name, part in candidate.items()
    ]


def _slice(name: str, candidate: Part, champion: Part | None) -> Slice:
    rows = candidate.rows
    own, before = candidate.right[rows], champion.right[rows] if champion else None
    return Slice(
        name=name,
        rows=len(own),
        candidate=float(own.mean()),
        champion=None if before is None else float(before.mean()),
        paired=None if before is None else compare(own, before),
    )


def judge_slice(measure: str, part: Slice, settings: GateSettings) -> Finding:
    """Veto a loss that is both large and significant.

    Each look at another part is one more chance of a false alarm, so a part alone never decides on
    a small loss.
    """
    requirement = f"slice: {part.name}"
    if part.paired is None or part.champion is None:
        return Finding(requirement, "not judged", f"{part.name}: there is no champion.")
    if part.rows < settings.slice_rows:
        return Finding(
            requirement,
            "not judged",
            f"{part.name}: {part.rows} rows, of which {settings.slice_rows} are needed.",
        )
    paired = part.paired
    vetoed = paired.difference < -settings.slice_loss and paired.high < 0
    sentence = (
        f"{part.name}, {part.rows} rows: {measure} {percent(part.candidate)} beside the champion's "
        f"{percent(part.champion)}, {points(paired.difference)} points (95 % interval "
        f"{points(paired.low)} to {points(paired.high)}); a loss of more than "
        f"{points(settings.slice_loss)[1:]} points that is not chance vetoes."
    )
    return Finding(requirement, "refused" if vetoed else "passed", sentence)
