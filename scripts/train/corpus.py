"""The configured data sets, split and tokenised for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from function.core.tokenization import TextTokenizer
from scripts.common.progress import log
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts, require_labels
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.train.batches import TokenizedTexts
from scripts.train.config import TrainConfig, UnlabelledConfig
from scripts.train.splits import split_rows

TextRows = TypeVar("TextRows")


@dataclass(frozen=True)
class Corpus(Generic[TextRows]):
    """Training rows of all data sets together; held-out rows by data set."""

    train: TextRows
    validation: dict[str, TextRows]
    test: dict[str, TextRows]


def load_corpus(config: TrainConfig, data: Path) -> Corpus[LabelledTexts]:
    """Read and split every data set of a configuration that classifies texts.

    `data` is the folder that the configured paths are relative to, or one file, which then replaces
    the only data set.
    """
    texts: list[str] = []
    labels: list[int] = []
    validation, test = {}, {}
    sources: list[LabelledTexts] = []
    for dataset in config.datasets:
        rows = read_labelled(
            data if data.is_file() else locate(data, dataset.path),
            config.labels,
            text=dataset.text,
            label=dataset.label,
            group=dataset.group,
            renamed=config.renamed_labels,
            encoding=config.encoding,
        )
        sources.append(rows)
        split = split_rows(rows, dataset, config.seed)
        train = rows.select(split.train * dataset.repeat)
        texts += train.texts
        labels += train.labels
        validation[dataset.name] = rows.select(split.validation)
        if split.test:
            test[dataset.name] = rows.select(split.test)
    require_labels(config.labels, sources)
    return Corpus(LabelledTexts(texts, labels, []), validation, test)


def load_test(
    config: TrainConfig, corpus: Corpus[LabelledTexts], data: Path
) -> dict[str, LabelledTexts]:
    """Return the texts that nothing is chosen on: test parts, and the files of `[evaluation]`."""
    further = {
        name: read_labelled(
            locate(data, path),
            config.labels,
            renamed=config.renamed_labels,
            encoding=config.encoding,
        )
        for name, path in config.evaluation.items()
    }
    return {f"{name}-test": rows for name, rows in corpus.test.items()} | further


def load_tagged_corpus(config: TrainConfig, data: Path) -> Corpus[TaggedTexts]:
    """Read and split every data set of a configuration that finds entities; see `load_corpus`.

    Texts stay with the others of their document where the configuration splits by group.
    """
    train = TaggedTexts([], [], [])
    validation, test = {}, {}
    for dataset in config.datasets:
        path = data if data.is_file() else locate(data, dataset.path)
        rows = read_tagged(path, config.labels, config.renamed_labels, config.encoding)
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


def load_unlabelled(config: UnlabelledConfig, data: Path, encoding: str | None = None) -> list[str]:
    """Read texts that are learnt from without labels."""
    return read_texts(locate(data, config.path), config.text, encoding)[: config.max_texts]


def load_taught(
    sources: Sequence[UnlabelledConfig], config: TrainConfig, corpus: Corpus[Any], data: Path
) -> list[str]:
    """Read the texts that a teacher alone answers: each once, none with a label or held out.

    Held out are the validation and test parts and the files of `[evaluation]`.
    """
    found = [text for source in sources for text in load_unlabelled(source, data, config.encoding)]
    known = [*corpus.train.texts]
    for rows in [*corpus.validation.values(), *corpus.test.values()]:
        known += rows.texts
    for path in config.evaluation.values() if found else ():
        known += _evaluation_texts(config, locate(data, path))
    seen = {" ".join(text.split()) for text in known} | {""}
    fresh = []
    for text in found:
        words = " ".join(text.split())
        if words not in seen:
            seen.add(words)
            fresh.append(text)
    log(f"unlabelled: {len(fresh):,} texts; {len(found) - len(fresh):,} known or held out left out")
    return fresh


def _evaluation_texts(config: TrainConfig, path: Path) -> list[str]:
    if config.task == "text-classification":
        return read_texts(path, encoding=config.encoding)
    return read_tagged(path, config.labels, config.renamed_labels, config.encoding).texts


def tokenize(rows: LabelledTexts, tokenizer: TextTokenizer) -> TokenizedTexts:
    """Return the rows as examples for a phase of training."""
    ids = [encoded.ids for encoded in tokenizer.encode(rows.texts)]
    return TokenizedTexts(tokenizer, ids, rows.labels)


def locate(data: Path, path: str) -> Path:
    """Return a configured path within the `--data` folder (or that of the `--data` file).

    Where there is no such file, the path stays as it is.
    """
    folder = data.parent if data.is_file() else data
    return folder / path if (folder / path).exists() else Path(path)
