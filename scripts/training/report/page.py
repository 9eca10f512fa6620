"""The data report: one Markdown page of figures, pictures and what they mean."""

from collections.abc import Iterator
from pathlib import Path

from scripts.common.errors import UsageError
from scripts.training.config import TrainConfig
from scripts.training.report.duplicates import overlaps, repeats
from scripts.training.report.findings import findings
from scripts.training.report.plots import draw_plots
from scripts.training.report.samples import samples_table
from scripts.training.report.survey import Survey
from scripts.training.report.tables import (
    groups_table,
    lengths_table,
    overlaps_table,
    parts_table,
    repeats_table,
    sources_table,
)


def write_report(
    survey: Survey, config: TrainConfig, command: str, vocabulary: int, output: Path
) -> None:
    """Write the page to `output` and its pictures to `images/` beside it.

    command: how the page is made again. vocabulary: entries of the tokenizer that counted tokens.
    The same data give the same bytes. Raises UsageError where they cannot be written.
    """
    try:
        images = draw_plots(survey, config.labels, output.parent / "images", output.stem)
        output.write_text(_page(survey, config, command, vocabulary, images), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error


def _page(
    survey: Survey, config: TrainConfig, command: str, vocabulary: int, images: dict[str, str]
) -> str:
    sections = _sections(survey, config, vocabulary, images)
    page = [
        "# Data report",
        f"Model `{config.model}`. Written by a command, not by hand; `DATA` is the folder of the "
        f"data:\n\n    {command}",
        *sections,
    ]
    return "\n\n".join(page) + "\n"


def _sections(
    survey: Survey, config: TrainConfig, vocabulary: int, images: dict[str, str]
) -> Iterator[str]:
    between = overlaps(survey.parts)
    yield "## What this means"
    yield "\n".join(f"- {finding}" for finding in findings(survey, between, config))
    yield "## Sources"
    yield sources_table(survey)
    yield "## Parts and labels"
    yield (
        f"As training splits them, with seed {config.seed}; a row that would leak between parts is "
        "in none of them. A part with the name of a file is that whole file, used to measure only."
    )
    yield parts_table(survey.parts, config.labels)
    yield _picture(images, "labels", "Share of each label in every part")
    if "ratings" in images:
        yield "## Ratings"
        yield _picture(images, "ratings", "Share of rows with each rating")
    yield "## Lengths"
    yield (
        "Words stand between white space; tokens are the base checkpoint's "
        f"({vocabulary:,} entries), special tokens included."
    )
    yield lengths_table(survey.sources)
    yield _picture(images, "lengths", "Share of texts up to each length, in words and in tokens")
    yield "## Duplicates"
    yield (
        "Normalised texts are compared without regard to case, white space and HTML breaks. "
        "Repeats are the rows beyond the first one of the same text; contradicting texts have "
        "more than one label."
    )
    yield repeats_table([repeats(rows) for rows in survey.sources])
    yield "Rows of one source that also stand in another, and the same between parts:"
    yield overlaps_table(overlaps(survey.sources))
    yield overlaps_table(between)
    if "groups" in images:
        yield "## Groups"
        yield groups_table(survey, between)
        yield _picture(images, "groups", "Share of groups with each number of rows")
    yield "## Samples"
    yield "The beginnings of a few training texts, drawn by their hash:"
    yield samples_table([part for part in survey.parts if part.part == "train"], config.labels)


def _picture(images: dict[str, str], topic: str, meaning: str) -> str:
    return f"![{meaning}](images/{images[topic]})"
