"""The data sets of a configuration that finds entities, split by document."""

from pathlib import Path

from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.training.config import TrainConfig
from scripts.training.corpus import Corpus, locate
from scripts.training.splits import split_rows


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
