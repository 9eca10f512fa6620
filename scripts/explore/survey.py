"""The data of a report: sources as they are, split as training splits them, counted by text."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from function.core.tokenization import TextTokenizer
from scripts.common.errors import DataError, UsageError
from scripts.common.progress import Progress
from scripts.data.labelled_texts import LabelledTexts
from scripts.data.rows import read_cells
from scripts.data.tables import open_table
from scripts.train.config import DatasetConfig, TrainConfig
from scripts.train.corpus import locate, read_rows
from scripts.train.splits import split_rows

HTML_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
TOKEN_LIMITS = (128, 256, 512)
RATING = "rating"
TEXTS_A_STEP = 1000
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CountedTexts:
    """Texts of one data set under one name: a source, or a part of one."""

    dataset: str
    part: str  # `train`, `validation`, `held out`, or a file's name
    texts: list[str]
    labels: list[int]  # codes; empty where the source has none, as are groups and ratings
    groups: list[str]  # what training may split by, such as the movie of a review
    ratings: list[int]  # the column `rating`, if it holds integers
    normalised: list[str]  # without regard to case, white space and HTML breaks
    words: Counts  # between white space
    tokens: Counts  # of the base checkpoint, special tokens included

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def name(self) -> str:
        """Return what the report calls these texts."""
        return f"{self.dataset} {self.part}"

    def select(self, part: str, rows: Sequence[int]) -> "CountedTexts":
        """Return some rows as a part of their own."""

        def chosen(column: list[Any]) -> list[Any]:
            return [column[row] for row in rows] if column else []

        return CountedTexts(
            self.dataset,
            part,
            chosen(self.texts),
            chosen(self.labels),
            chosen(self.groups),
            chosen(self.ratings),
            chosen(self.normalised),
            self.words[rows],
            self.tokens[rows],
        )


@dataclass(frozen=True)
class Survey:
    """Sources, the parts in which training uses their rows, and SHA-256 by source."""

    sources: list[CountedTexts]
    parts: list[CountedTexts]
    digests: dict[str, str]


def read_survey(
    config: TrainConfig, data: Path, tests: Mapping[str, str], tokenizer: TextTokenizer
) -> Survey:
    """Read the configured data sets, split as training splits them, and further test sources.

    `data` is a folder, or one data file; `tests` has names by path. A name that begins with a data
    set's belongs to that data set and has its columns; another one has those of the first data set.
    A test source may lack labels or groups. The tokenizer is the base checkpoint's. Raises
    DataError if a source cannot be read, UsageError if two have the same name.
    """
    survey = Survey([], [], {})
    for dataset in config.datasets:
        path = data if data.is_file() else locate(data, dataset.path)
        labelled = _read(path, dataset, config)
        source = _count(dataset.name, path, labelled, _ratings(path, config.encoding), tokenizer)
        _add(survey, source, path)
        split = split_rows(labelled, dataset, config.seed)
        if not split.train:
            raise DataError(f"{path}: the split leaves no row of '{dataset.name}' to train on.")
        parts = {"train": split.train, "validation": split.validation, "held out": split.test}
        survey.parts.extend(source.select(part, rows) for part, rows in parts.items() if rows)
    for file, name in tests.items():
        path = locate(data if data.is_dir() else Path(), file)
        owners = [d for d in config.datasets if f"{name}-".startswith(f"{d.name}-")]
        columns = max(owners, key=lambda d: len(d.name), default=config.datasets[0])
        source = _count(
            columns.name if owners else name,
            path,
            _read(path, columns, config),
            _ratings(path, config.encoding),
            tokenizer,
        )
        _add(survey, source, path)
        survey.parts.append(source)
    return survey


def _read(path: Path, columns: DatasetConfig, config: TrainConfig) -> LabelledTexts:
    """Read a source, which may lack labels or groups if it is only tested on."""
    table = open_table(path, config.encoding)
    group = columns.group if columns.group in table.names else None
    if columns.label in table.names:
        rows: LabelledTexts = read_rows(config, path, columns.model_copy(update={"group": group}))
        return rows
    texts, cells = read_cells(table, columns.text, [group] if group else [])
    return LabelledTexts(texts, [], cells[0] if group else [])


def _count(
    dataset: str, path: Path, rows: LabelledTexts, ratings: list[int], tokenizer: TextTokenizer
) -> CountedTexts:
    if not len(rows):
        raise DataError(f"{path}: no rows.")
    spaced = [HTML_BREAK.sub(" ", text) for text in rows.texts]
    tokens: list[int] = []
    with Progress(f"tokens of {dataset} {path.name}", len(rows)) as progress:
        for start in range(0, len(rows), TEXTS_A_STEP):
            encoded = tokenizer.encode(rows.texts[start : start + TEXTS_A_STEP])
            tokens += [len(text.ids) + tokenizer.special_tokens for text in encoded]
            progress.advance(len(encoded))
    return CountedTexts(
        dataset,
        path.name,
        rows.texts,
        rows.labels,
        rows.groups,
        ratings,
        [" ".join(text.casefold().split()) for text in spaced],
        np.array([len(text.split()) for text in spaced], dtype=np.int64),
        np.array(tokens, dtype=np.int64),
    )


def _ratings(path: Path, encoding: str | None) -> list[int]:
    """Return the column `rating`; empty if there is none, or a row has no integer in it."""
    table = open_table(path, encoding)
    if RATING not in table.names:
        return []
    try:
        table.check(None, [RATING])
        return [int(str(c)) for chunk in table.chunks([RATING]) for c in chunk.scalars(RATING)]
    except (DataError, ValueError):
        return []


def _add(survey: Survey, source: CountedTexts, path: Path) -> None:
    if source.name in survey.digests:
        raise UsageError(f"{source.name} is given twice: name one of the two otherwise.")
    survey.sources.append(source)
    survey.digests[source.name] = (
        hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    )
