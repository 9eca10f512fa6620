"""Parts of the golden set, so that a gain on most texts hides no large loss on some."""

import numpy as np
import numpy.typing as npt

from scripts.lifecycle.gate.golden import GoldenSet
from scripts.lifecycle.gate.judgement import Finding, Slice
from scripts.lifecycle.gate.paired import Right, compare
from scripts.lifecycle.gate.settings import GateSettings
from scripts.lifecycle.gate.wording import percent, points

Mask = npt.NDArray[np.bool_]


def cut(golden: GoldenSet, settings: GateSettings) -> dict[str, Mask]:
    """Rows of each part that has any: short texts, long texts, and each label's."""
    words = np.array([len(text.split()) for text in golden.texts])
    labels = np.array(golden.labels)
    masks = {
        f"short (at most {settings.short_words} words)": words <= settings.short_words,
        f"long (at least {settings.long_words} words)": words >= settings.long_words,
    }
    masks |= {f"label {label}": labels == label for label in sorted(set(golden.labels))}
    return {name: mask for name, mask in masks.items() if mask.any()}


def measure_slices(
    masks: dict[str, Mask], candidate_right: Right, champion_right: Right | None
) -> list[Slice]:
    """Accuracy on each part; masks and answers are (rows,) in the order of the golden set."""
    return [
        Slice(
            name=name,
            rows=int(mask.sum()),
            candidate=float(candidate_right[mask].mean()),
            champion=None if champion_right is None else float(champion_right[mask].mean()),
            paired=(
                None
                if champion_right is None
                else compare(candidate_right[mask], champion_right[mask])
            ),
        )
        for name, mask in masks.items()
    ]


def judge_slice(part: Slice, settings: GateSettings) -> Finding:
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
        f"{part.name}, {part.rows} rows: accuracy {percent(part.candidate)} beside the champion's "
        f"{percent(part.champion)}, {points(paired.difference)} points (95 % interval "
        f"{points(paired.low)} to {points(paired.high)}); a loss of more than "
        f"{points(settings.slice_loss)[1:]} points that is not chance vetoes."
    )
    return Finding(requirement, "refused" if vetoed else "passed", sentence)
