"""The configured data sets, split and tokenised for training."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from function.core.tokenization import TextTokenizer
from scripts.common.errors import DataError, UsageError
from scripts.common.progress import log
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts, require_labels
from scripts.data.multi_labelled import read_multi_labelled
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.data.truth import TextRows
from scripts.train.batches import LabelCodes, TokenizedTexts
from scripts.train.config import DatasetConfig, TaughtConfig, TrainConfig, UnlabelledConfig
from scripts.train.splits import split_rows

Rows = TypeVar("Rows")

SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\s*(?:<br\s*/?>|\n)\s*")


@dataclass(frozen=True)
class Corpus(Generic[Rows]):
    """Training rows of all data sets together; held-out rows by data set."""

    train: Rows
    validation: dict[str, Rows]
    test: dict[str, Rows]
    taught: Sequence[bool] = ()  # of each training row: whether a teacher is asked about it


def load_corpus(config: TrainConfig, data: Path) -> Corpus[Any]:
    """Read and split every data set, of the rows that `read_rows` gives.

    `data` is the folder that the configured paths are relative to, or one file, which then replaces
    the only data set.
    """
    if data.is_file() and len(config.datasets) > 1:
        raise UsageError(f"--data {data}: give a folder; the configuration has several datasets")
    sources = [read_rows(config, source_of(data, each.path), each) for each in config.datasets]
    splits = [
        split_rows(rows, dataset, config.seed)
        for rows, dataset in zip(sources, config.datasets, strict=True)
    ]
    parts = list(zip(config.datasets, sources, splits, strict=True))
    training = [rows.select(split.train * dataset.repeat) for dataset, rows, split in parts]
    # A text of one data set may be in another.
    seen = {text for rows in training for text in rows.texts}
    validation, test = {}, {}
    for dataset, rows, split in parts:
        fresh = [row for row in split.validation if rows.texts[row] not in seen]
        if not split.train or not fresh:
            raise DataError(
                f"{source_of(data, dataset.path)}: its {len(rows)} rows leave none to "
                f"{'validate on' if split.train else 'train on'}: give more, or other shares"
            )
        validation[dataset.name] = rows.select(fresh)
        if tested := [row for row in split.test if rows.texts[row] not in seen]:
            test[dataset.name] = rows.select(tested)
    texts = [text for rows in training for text in rows.texts]
    named = list(zip(config.datasets, training, strict=True))
    taught = [dataset.taught for dataset, rows in named for _ in rows.texts]
    if config.task == "text-classification":
        given = [truth for rows in sources for truth in truth_of(rows)]
        if config.head == "sigmoid":
            given = [config.labels.index(name) for names in given for name in names]
        require_labels(config.labels, given)
        labels = [truth for rows in training for truth in truth_of(rows)]
        return Corpus(type(sources[0])(texts, labels, []), validation, test, taught)
    # Documents of two data sets are never one.
    groups = [f"{dataset.name} {group}" for dataset, rows in named for group in rows.groups]
    spans = [spans for rows in training for spans in rows.spans]
    return Corpus(TaggedTexts(texts, spans, groups), validation, test, taught)


def read_rows(config: TrainConfig, path: Path, columns: DatasetConfig | None = None) -> Any:
    """Read a file: `LabelledTexts` or, of several labels, `TextRows`; or `TaggedTexts`."""
    if config.task == "token-classification":
        return read_tagged(path, config.labels, config.renamed_labels, config.encoding)
    named = {"text", "label", "group"}
    given = columns.model_dump(include=named, exclude_unset=True) if columns else {}
    read = read_labelled if config.head == "softmax" else read_multi_labelled
    return read(
        path, config.labels, renamed=config.renamed_labels, encoding=config.encoding, **given
    )


def read_held_out(config: TrainConfig, corpus: Corpus[Rows], data: Path) -> dict[str, Rows]:
    """Return the validation parts, the test parts and the files of `[evaluation]`, by name."""
    parts = {f"{name}-validation": rows for name, rows in corpus.validation.items()}
    parts |= {f"{name}-test": rows for name, rows in corpus.test.items()}
    for name, path in config.evaluation.items():
        parts[name] = read_rows(config, locate(data, path))
    return parts


def load_unlabelled(config: UnlabelledConfig, data: Path, encoding: str | None = None) -> list[str]:
    """Read texts that are learnt from without labels."""
    path = locate(data, config.path)
    if texts := read_texts(path, config.text, encoding)[: config.max_texts]:
        return texts
    raise DataError(f"{path}: it has no texts")


def split_sentences(text: str) -> list[str]:
    """Return the parts of a text that end with a line, or with a mark and a space.

    It knows no abbreviations: a teacher answers what stands after one, too.
    """
    return [part for each in SENTENCE_END.split(text) if (part := each.strip())]


def load_taught(
    sources: Sequence[TaughtConfig], config: TrainConfig, corpus: Corpus[Any], data: Path
) -> list[str]:
    """Read the texts that a teacher alone answers: each once, none with a label or held out.

    Held out are the validation and test parts and the files of `[evaluation]`.
    """
    known = [*corpus.train.texts]
    for rows in [*corpus.validation.values(), *corpus.test.values()]:
        known += rows.texts
    for path in config.evaluation.values() if sources else ():
        file = locate(data, path)
        known += (
            read_texts(file, encoding=config.encoding)
            if config.task == "text-classification"
            else read_rows(config, file).texts
        )
    left_out = {_words(text) for text in known} | {""}
    fresh: dict[str, str] = {}
    for source in sources:
        for text in load_unlabelled(source, data, config.encoding):
            if _words(text) not in left_out:
                for part in split_sentences(text) if source.sentences else [text]:
                    fresh.setdefault(_words(part), part)
    found = [text for words, text in fresh.items() if words not in left_out]
    log(f"unlabelled: {len(found):,} texts, none of them known or held out")
    return found


def _words(text: str) -> str:
    return " ".join(text.split())


def label_codes(rows: LabelledTexts | TextRows[list[str]], labels: Sequence[str]) -> LabelCodes:
    """Return each text's label, or, of several, a 0 or 1 for each label of the model."""
    if isinstance(rows, LabelledTexts):
        return rows.labels
    return [[int(label in names) for label in labels] for names in rows.truth]


def tokenize(texts: Sequence[str], codes: LabelCodes, tokenizer: TextTokenizer) -> TokenizedTexts:
    """Return texts with their labels as examples for a phase of training."""
    return TokenizedTexts(tokenizer, [encoded.ids for encoded in tokenizer.encode(texts)], codes)


def source_of(data: Path, path: str) -> Path:
    """Return the file of a data set: that of `--data`, or the configured one in its folder."""
    return data if data.is_file() else locate(data, path)


def locate(data: Path, path: str) -> Path:
    """Return a configured path within the `--data` folder (or that of the `--data` file).

    Where there is no such file, the path stays as it is.
    """
    folder = data.parent if data.is_file() else data
    return folder / path if (folder / path).exists() else Path(path)


def truth_of(rows: Any) -> Any:
    """Return the labels' codes, or the names of several labels, of each text."""
    return rows.labels if isinstance(rows, LabelledTexts) else rows.truth
