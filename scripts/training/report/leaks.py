"""What the texts and groups that two parts share mean for the figures measured on them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scripts.training.config import TrainConfig
from scripts.training.report.duplicates import Overlap
from scripts.training.report.markdown import listed, percent
from scripts.training.report.survey import Rows


def repeated_texts(between: Sequence[Overlap]) -> Iterator[str]:
    """Labelled texts that are measured on and stand in a training part as well."""
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
        yield f"No text of {listed(clean)} stands in the training part of the same data set."


def unlabelled_texts(between: Sequence[Overlap], config: TrainConfig) -> Iterator[str]:
    """Unlabelled texts that a part to measure on has as well."""
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
                else "this configuration trains on no unlabelled text; one that does should leave "
                "them out."
            )
        )


def shared_groups(between: Sequence[Overlap]) -> Iterator[str]:
    """Groups that a part to measure on shares with its training part."""
    clean = []
    for pair in between:
        if pair.first.part != "train" or pair.first.dataset != pair.second.dataset:
            continue
        shared = {*pair.first.groups} & {*pair.second.groups}
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
            f"No group of {listed(clean)} is in the training part of the same data set: figures "
            "there are about groups that the model has never seen."
        )


def telling_groups(sources: Sequence[Rows]) -> Iterator[str]:
    """How far a group alone gives its rows' label away; groups of one row say nothing."""
    for source in sources:
        single, several = single_label_groups(source)
        if several:
            yield (
                f"In {percent(single, several)} of the groups of **{source.name}** that have two "
                "rows or more, all have the same label: a part to measure on must not share groups "
                "with training."
            )


def single_label_groups(source: Rows) -> tuple[int, int]:
    """Groups of two labelled rows or more: those with one label only, and all of them."""
    found: dict[str, list[int]] = defaultdict(list)
    for group, label in zip(source.groups, source.labels, strict=False):
        found[group].append(label)
    several = [labels for labels in found.values() if len(labels) > 1]
    return sum(len(set(labels)) == 1 for labels in several), len(several)
