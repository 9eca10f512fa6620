"""Texts and groups that occur more than once, and what that means for measured figures.

Counts are of one part, or of two parts that share texts or groups.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from scripts.common.markdown import bold_list, percent
from scripts.explore.survey import CountedTexts
from scripts.train.config import TrainConfig


@dataclass(frozen=True)
class Repeats:
    """Repeated texts of one part, or of a whole source."""

    exact: int  # rows beyond the first one of the same text
    normalised: int  # the same for normalised texts
    contradicting: int  # normalised texts that occur with more than one label


@dataclass(frozen=True)
class Overlap:
    """Rows of `second`, the later part, whose text is also in `first`."""

    first: CountedTexts
    second: CountedTexts
    exact: int
    normalised: int  # rows with the same normalised text
    # of these, with a label that the text never has in `first`; 0 if one is unlabelled
    contradicting: int

    @property
    def shared_groups(self) -> set[str]:
        return {*self.first.groups} & {*self.second.groups}


def count_repeats(part: CountedTexts) -> Repeats:
    """Count the repeated texts of one part."""
    labels = _labels_by_text(part)
    return Repeats(
        len(part) - len(set(part.texts)),
        len(part) - len(labels),
        sum(len(found) > 1 for found in labels.values()),
    )


def find_overlaps(parts: Sequence[CountedTexts]) -> list[Overlap]:
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


def repeated_texts(between: Sequence[Overlap]) -> Iterator[str]:
    """Yield conclusions on labelled texts to measure on that are also in a training part."""
    clean = []
    for pair in between:
        if pair.first.part != "train" or pair.second.part == "train" or not pair.second.labels:
            continue
        if pair.normalised:
            yield (
                f"{pair.normalised:,} rows of **{pair.second.name}** "
                f"({percent(pair.normalised, len(pair.second))}) also stand in "
                f"**{pair.first.name}**, {pair.contradicting:,} of them with another label: memory "
                "alone can move a figure on it by no more than that share."
            )
        elif pair.first.dataset == pair.second.dataset:
            clean.append(pair.second.name)
    if clean:
        yield f"No text of {bold_list(clean)} stands in the training part of the same data set."


def unlabelled_texts(between: Sequence[Overlap], config: TrainConfig) -> Iterator[str]:
    """Yield conclusions on unlabelled texts that are also in a part to measure on."""
    for pair in between:
        measured, unlabelled = (
            (pair.first, pair.second) if pair.first.labels else (pair.second, pair.first)
        )
        if not pair.normalised or unlabelled.labels or "train" in (measured.part, unlabelled.part):
            continue
        yield (
            f"{pair.normalised:,} rows of **{pair.second.name}** also stand in "
            f"**{pair.first.name}**: "
            + (
                "masked-language training on it would show the encoder texts that it is measured "
                "on, though not their labels."
                if config.pretraining
                else "a teacher answers the others alone."
                if config.distillation
                else "this configuration trains on no unlabelled text; one that does should leave "
                "them out."
            )
        )


def shared_groups(between: Sequence[Overlap]) -> Iterator[str]:
    """Yield conclusions on groups that a part to measure on shares with its training part."""
    clean = []
    for pair in between:
        if pair.first.part != "train" or pair.first.dataset != pair.second.dataset:
            continue
        shared = pair.shared_groups
        if shared:
            rows = sum(group in shared for group in pair.second.groups)
            yield (
                f"{len(shared):,} groups are in both **{pair.first.name}** and "
                f"**{pair.second.name}**, with {percent(rows, len(pair.second))} of its rows: "
                "what a model learns about a group helps it there."
            )
        elif pair.first.groups and pair.second.groups:
            clean.append(pair.second.name)
    if clean:
        yield (
            f"No group of {bold_list(clean)} is in the training part of the same data set: figures "
            "there are about groups that the model has never seen."
        )


def telling_groups(sources: Sequence[CountedTexts]) -> Iterator[str]:
    """Yield how well a group alone predicts its rows' label; groups of one row do not count."""
    for source in sources:
        single, several = single_label_groups(source)
        if several:
            yield (
                f"In {percent(single, several)} of the groups of **{source.name}** that have two "
                "rows or more, all have the same label: a part to measure on must not share groups "
                "with training."
            )


def single_label_groups(source: CountedTexts) -> tuple[int, int]:
    """Count groups of two or more labelled rows: those with only one label, and all of them."""
    found: dict[str, list[int]] = defaultdict(list)
    for group, label in zip(source.groups, source.labels, strict=False):
        found[group].append(label)
    several = [labels for labels in found.values() if len(labels) > 1]
    return sum(len(set(labels)) == 1 for labels in several), len(several)


def _labels_by_text(rows: CountedTexts) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for row, text in enumerate(rows.normalised):
        found[text].update(rows.labels[row : row + 1])
    return dict(found)


def _contradicting(known: dict[str, set[int]], rows: CountedTexts) -> int:
    return sum(
        bool(known.get(text)) and label not in known[text]
        for text, label in zip(rows.normalised, rows.labels, strict=False)
    )
