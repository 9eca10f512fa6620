"""The configured data sets, split, tokenised and ready to train on."""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from function.core.tokenization import TextTokenizer
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.train.batches import TokenizedTexts
from scripts.train.config import TrainConfig, UnlabelledConfig
from scripts.train.splits import split_rows

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Corpus(Generic[Rows]):
    """Training rows of all data sets together; held-out rows by data set."""

    train: Rows
    validation: dict[str, Rows]
    test: dict[str, Rows]


def load_corpus(config: TrainConfig, data: Path) -> Corpus[LabelledTexts]:
    """Read and split every data set of a configuration that classifies texts.

    data: the folder that the configured paths are relative to, or one file, which then stands in
    for the only data set.
    """
    texts: list[str] = []
    labels: list[int] = []
    validation, test = {}, {}
    for dataset in config.datasets:
        rows = read_labelled(
            data if data.is_file() else locate(data, dataset.path),
            config.labels,
            text=dataset.text,
            label=dataset.label,
            group=dataset.group,
        )
        split = split_rows(rows, dataset, config.seed)
        train = rows.select(split.train * dataset.repeat)
        texts += train.texts
        labels += train.labels
        validation[dataset.name] = rows.select(split.validation)
        if split.test:
            test[dataset.name] = rows.select(split.test)
    return Corpus(LabelledTexts(texts, labels, []), validation, test)


def load_unlabelled(config: UnlabelledConfig, data: Path) -> list[str]:
    """Texts that are read before the labels are shown."""
    return read_texts(locate(data, config.path), config.text)[: config.max_texts]


def tokenize(rows: LabelledTexts, tokenizer: TextTokenizer) -> TokenizedTexts:
    """The rows as a phase of training takes them."""
    ids = [encoded.ids for encoded in tokenizer.encode(rows.texts)]
    return TokenizedTexts(tokenizer, ids, rows.labels)


def locate(data: Path, path: str) -> Path:
    """Where a configured file lies: in the `--data` folder (or the folder of that file), or,
    where there is no such file, under its own name.
    """
    folder = data.parent if data.is_file() else data
    return folder / path if (folder / path).exists() else Path(path)


CACHE = Path(os.environ.get("EVERGREEN_CACHE", "build/cache"))

Made = TypeVar("Made")


def cache_key(*parts: str | bytes | Iterable[str]) -> str:
    """64 hex digits of everything that what is kept hangs on."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in [part] if isinstance(part, str | bytes) else part:
            content = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)
    return digest.hexdigest()


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The file of that name in the cache; made, where it is not there, under another name first,
    so that a killed run leaves no half of one.
    """
    file = CACHE / name
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{os.getpid()}.{file.name}")
        make(partial)
        os.replace(partial, file)
    return file


def load_tagged_corpus(config: TrainConfig, data: Path) -> Corpus[TaggedTexts]:
    """Read and split every data set; see `corpus.load_corpus`."""
    train = TaggedTexts([], [], [])
    validation, test = {}, {}
    for dataset in config.datasets:
        path = data if data.is_file() else locate(data, dataset.path)
        rows = read_tagged(path, config.labels, config.renamed_labels)
        split = split_rows(rows, dataset, config.seed)
        part = rows.select(split.train * dataset.repeat)
        train.texts.extend(part.texts)
        train.spans.extend(part.spans)
        # Documents of two data sets are never one.
        train.groups.extend(f"{dataset.name} {group}" for group in part.groups)
        validation[dataset.name] = rows.select(split.validation)
        if split.test:
            test[dataset.name] = rows.select(split.test)
    return Corpus(train, validation, test)
