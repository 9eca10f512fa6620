"""What a run does by its task before and after the architecture's own part: reads the corpus, and
makes the artifact, its report and its pictures of what was trained.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from function.core.artifact import Task
from scripts.common.errors import UsageError
from scripts.data.labelled_texts import LabelledTexts
from scripts.train.architectures.architecture import Log, TrainedModel, TrainingRun
from scripts.train.config import TrainConfig
from scripts.train.corpus import Corpus, load_corpus
from scripts.train.record import read_log

Outcome = tuple[dict[str, Any], list[Path]]


@dataclass(frozen=True)
class _Steps:
    """read: the corpus of a configuration from a folder. finish: see `finish` below."""

    read: Callable[[TrainConfig, Path], Corpus[Any]]
    finish: Callable[[TrainingRun, TrainedModel], Outcome]


def start(config: TrainConfig, data: Path, folder: Path, log: Log) -> TrainingRun:
    """Read the corpus. Raises DataError."""
    if config.task == "text-classification" and len(config.labels) < 2:
        raise UsageError("labels: a classifier needs two or more")
    return TrainingRun(config, _STEPS[config.task].read(config, data), data, folder, log)


def finish(run: TrainingRun, trained: TrainedModel) -> Outcome:
    """Write `artifact` into the run's folder; returns the report, whose `after_calibration` has
    the figures of each data set, and the pictures. Raises ExportError.
    """
    return _STEPS[run.config.task].finish(run, trained)


def _finish_classifier(run: TrainingRun, trained: TrainedModel) -> Outcome:
    from scripts.train.assemble import assemble
    from scripts.train.plots import draw_plots

    corpus: Corpus[LabelledTexts] = run.corpus
    report, evaluations = assemble(run.config, corpus, trained, run.data, run.folder)
    for name, rows in corpus.test.items():
        _write_rows(run.folder / f"{name}-test.jsonl", rows)
    records, plots = read_log(run.folder), run.folder / "plots"
    return report, draw_plots(records, evaluations, run.config.labels, plots)


def _read_entities(config: TrainConfig, data: Path) -> Corpus[Any]:
    from scripts.train.corpus import load_tagged_corpus

    return load_tagged_corpus(config, data)


def _finish_entities(run: TrainingRun, trained: TrainedModel) -> Outcome:
    from scripts.train.assemble_entities import assemble_entities
    from scripts.train.plots import draw_loss, save

    report = assemble_entities(run.config, run.corpus, trained, run.data, run.folder)
    picture = run.folder / "plots" / "loss.png"
    picture.parent.mkdir(exist_ok=True)
    save(draw_loss(read_log(run.folder)), picture)
    return report, [picture]


def _write_rows(path: Path, rows: LabelledTexts) -> None:
    """A held-out part as a file that `scripts.evaluate` reads."""
    with path.open("w", encoding="utf-8") as lines:
        for text, label in zip(rows.texts, rows.labels, strict=True):
            lines.write(json.dumps({"text": text, "label": label}) + "\n")


_STEPS: dict[Task, _Steps] = {
    "text-classification": _Steps(load_corpus, _finish_classifier),
    "token-classification": _Steps(_read_entities, _finish_entities),
}
