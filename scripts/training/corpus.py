"""The configured data sets, split, tokenised and ready to train on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from function.core.tokenization import TextTokenizer
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts
from scripts.training.config import TrainConfig, UnlabelledConfig
from scripts.training.examples import TokenizedTexts
from scripts.training.splits import split_rows

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
    where there is no such file, under its own name."""
    folder = data.parent if data.is_file() else data
    return folder / path if (folder / path).exists() else Path(path)
