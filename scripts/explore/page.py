"""The data report: one Markdown page of figures, pictures, and sentences that follow from both."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scripts.common.errors import UsageError
from scripts.common.markdown import bold_list, fill_page, percent
from scripts.explore import tables
from scripts.explore.duplicates import (
    Overlap,
    count_repeats,
    find_overlaps,
    repeated_texts,
    shared_groups,
    telling_groups,
    unlabelled_texts,
)
from scripts.explore.plots import draw_data_plots
from scripts.explore.survey import HTML_BREAK, CountedTexts, Survey
from scripts.train.config import TrainConfig

PAGE = Path(__file__).with_name("page.md")
BALANCED_SHARE = 0.9
MANY_REPEATS = 0.01
APART_LENGTHS = 4
SPLIT = ("train", "validation", "held out")


def write_report(
    survey: Survey, config: TrainConfig, command: str, vocabulary: int, output: Path
) -> None:
    """Write the page to `output` and its pictures to `images/` next to it.

    The same data give the same bytes. `command` makes the page again; `vocabulary` is the number of
    entries of the tokenizer that counted tokens. Raises UsageError if a file cannot be written.
    """
    try:
        images = draw_data_plots(survey, config.labels, output.parent / "images", output.stem)
        between = find_overlaps(survey.parts)
        ratings, groups = "", ""
        if "ratings" in images:
            ratings = f"## Ratings\n\n![Share of rows with each rating](images/{images['ratings']})"
        if "groups" in images:
            picture = f"![Share of groups with each number of rows](images/{images['groups']})"
            groups = f"## Groups\n\n{tables.groups(survey, between)}\n\n{picture}"
        page = fill_page(
            PAGE,
            config=config,
            command=command,
            conclusions="\n".join(f"- {each}" for each in conclusions(survey, between, config)),
            sources=tables.sources(survey),
            parts=tables.parts(survey.parts, config.labels),
            images=images,
            ratings=ratings,
            vocabulary=vocabulary,
            lengths=tables.lengths(survey.sources),
            repeats=tables.repeats(survey.sources),
            source_overlaps=tables.overlaps(find_overlaps(survey.sources)),
            part_overlaps=tables.overlaps(between),
            groups=groups,
            samples=tables.samples(_training(survey), config.labels),
        )
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error


def _training(survey: Survey) -> list[CountedTexts]:
    return [part for part in survey.parts if part.part == "train"]


def conclusions(survey: Survey, between: Sequence[Overlap], config: TrainConfig) -> list[str]:
    """Return what the figures mean, one item each. between: the overlaps of the survey's parts."""
    train = _training(survey)
    return [
        *_balance(train, config),
        *_ratings(survey.sources),
        *_lengths(train, config),
        *_repeats(train),
        *repeated_texts(between),
        *unlabelled_texts(between, config),
        *telling_groups(train),
        *shared_groups(between),
        *_breaks(survey.sources),
        *_left_out(survey),
    ]


def _balance(train: Sequence[CountedTexts], config: TrainConfig) -> Iterator[str]:
    for part in train:
        counts = [part.labels.count(code) for code in range(len(config.labels))]
        largest = max(counts)
        share = percent(largest, len(part))
        if min(counts) >= BALANCED_SHARE * len(part) / len(counts):
            yield (
                f"**{part.name}** is balanced: always answering one label would be right in "
                f"{share} of its rows, so accuracy is a fair measure."
            )
        else:
            yield (
                f"**{part.name}** is not balanced: always answering "
                f"“{config.labels[counts.index(largest)]}” would already be right in {share} of "
                "its rows. Compare accuracy with that, and read macro F1 too."
            )


def _ratings(sources: Sequence[CountedTexts]) -> Iterator[str]:
    names: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if source.ratings:
            between = {*range(min(source.ratings), max(source.ratings))} - {*source.ratings}
            names[" or ".join(map(str, sorted(between)))].append(source.name)
    for missing, found in names.items():
        if missing:
            yield (
                f"No text of {bold_list(found)} is rated {missing}: figures say nothing "
                "about texts in between, and the model's scores on those may be overconfident."
            )


def _lengths(train: Sequence[CountedTexts], config: TrainConfig) -> Iterator[str]:
    limit = config.serving.max_tokens
    for part in train:
        longer = int((part.tokens > limit).sum())
        if longer:
            yield (
                f"{percent(longer, len(part))} of **{part.name}** do not fit the {limit} tokens "
                "of one window: what serving makes of the rest matters, and so does the length "
                "that the last epochs train on."
            )
        else:
            yield f"Every text of **{part.name}** fits the {limit} tokens of one window."
    medians = {part.dataset: float(np.median(part.tokens)) for part in train}
    longest, shortest = max(medians, key=medians.__getitem__), min(medians, key=medians.__getitem__)
    times = medians[longest] / medians[shortest]
    if times >= APART_LENGTHS:
        yield (
            f"A median text of {longest} is {times:.0f} times as long as one of {shortest}: report "
            "figures for each of the two, never one for both."
        )


def _repeats(train: Sequence[CountedTexts]) -> Iterator[str]:
    for part in train:
        found = count_repeats(part)
        if not found.normalised:
            yield f"No text of **{part.name}** repeats."
            continue
        many = found.normalised >= MANY_REPEATS * len(part)
        yield (
            f"{found.normalised:,} rows of **{part.name}** "
            f"({percent(found.normalised, len(part))}) repeat another one; "
            + ("these texts weigh more than others do. " if many else "too few to matter. ")
            + (
                f"{found.contradicting:,} of its texts contradict themselves with two labels: no "
                "model can be right about both."
                if found.contradicting
                else "None contradicts itself."
            )
        )


def _breaks(sources: Sequence[CountedTexts]) -> Iterator[str]:
    counts = {s.name: sum(bool(HTML_BREAK.search(text)) for text in s.texts) for s in sources}
    with_breaks = [
        f"**{s.name}** ({percent(counts[s.name], len(s))})" for s in sources if counts[s.name]
    ]
    if with_breaks:
        yield (
            f"HTML breaks stand in {', '.join(with_breaks)}"
            + (" and in no other source" if len(with_breaks) < len(sources) else "")
            + ". The tokenizer reads them as spaces, in training as in serving, so they cannot "
            "become a sign of anything."
        )


def _left_out(survey: Survey) -> Iterator[str]:
    whole = [part.name for part in survey.parts]
    for source in survey.sources:
        used = sum(
            len(part)
            for part in survey.parts
            if part.dataset == source.dataset and part.part in SPLIT
        )
        if source.name not in whole and used < len(source):
            left = len(source) - used
            yield (
                f"{left:,} rows of **{source.name}** ({percent(left, len(source))}) are in no "
                "part: their text, or a longer one around it, stands in a part already."
            )
