"""Texts that occur more than once: inside a part, and in two parts at the same time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scripts.training.report.survey import Rows


@dataclass(frozen=True)
class Repeats:
    """Repetition inside one part.

    exact, normalised: rows beyond the first one of the same text.
    contradicting: normalised texts that occur with more than one label.
    """

    rows: Rows
    exact: int
    normalised: int
    contradicting: int


@dataclass(frozen=True)
class Overlap:
    """Rows of `second` whose text also stands in `first`.

    contradicting: those of them whose label the text never has in `first`; 0 where either of the
    two is unlabelled.
    """

    first: Rows
    second: Rows
    exact: int
    normalised: int
    contradicting: int

    @property
    def share(self) -> float:
        """Normalised overlap as a share of `second`."""
        return self.normalised / len(self.second)


def repeats(rows: Rows) -> Repeats:
    """Count the repetition inside one part."""
    labels = _labels_by_text(rows)
    return Repeats(
        rows,
        len(rows) - len(set(rows.texts)),
        len(rows) - len(labels),
        sum(len(found) > 1 for found in labels.values()),
    )


def overlaps(parts: Sequence[Rows]) -> list[Overlap]:
    """Compare every pair of parts, the earlier one as `first`."""
    exact = [set(part.texts) for part in parts]
    labels = [_labels_by_text(part) for part in parts]
    return [
        Overlap(
            parts[one],
            parts[two],
            sum(text in exact[one] for text in parts[two].texts),
            sum(text in labels[one] for text in parts[two].normalised),
            _contradicting(labels[one], parts[two]),
        )
        for one, two in combinations(range(len(parts)), 2)
    ]


def _labels_by_text(rows: Rows) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for row, text in enumerate(rows.normalised):
        found[text].update(rows.labels[row : row + 1])
    return dict(found)


def _contradicting(known: dict[str, set[int]], rows: Rows) -> int:
    return sum(
        bool(known.get(text)) and label not in known[text]
        for text, label in zip(rows.normalised, rows.labels, strict=False)
    )
