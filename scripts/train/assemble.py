"""From a trained model to a finished artifact: export, compare, fit, measure, write once.

The steps are the same for every task. What each does is up to a `TrainingTask`.
"""

import os
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from function.core.artifact import Artifact, describe_files
from function.core.manifest import Tokenization
from scripts.common.errors import UsageError
from scripts.train.architectures.architecture import Log, TrainedModel, TrainingRun
from scripts.train.classification import ClassificationTask
from scripts.train.config import Head, TrainConfig
from scripts.train.corpus import load_corpus
from scripts.train.export import export
from scripts.train.manifest import draft_manifest, provenance, render_card, write_manifest
from scripts.train.multi_label import MultiLabelTask
from scripts.train.quantization import Rounding
from scripts.train.tasks import HeldOutAnswers, TrainingTask

CARD = "README.md"


def start(config: TrainConfig, data: Path, folder: Path, log: Log) -> TrainingRun:
    """Read the corpus of a run. Raises DataError, UsageError."""
    if config.head == "softmax" and len(config.labels) < 2:
        raise UsageError("labels: a classifier needs two or more")
    return TrainingRun(config, load_corpus(config, data), data, folder, log)


def assemble(run: TrainingRun, trained: TrainedModel) -> tuple[dict[str, Any], list[Path]]:
    """Write the run's `artifact` and plots. Raises ExportError where the export is too far off.

    Returns the report of what was compared, chosen and measured, whose `after_calibration` holds
    the figures by data set, and the plots.
    """
    config, task = run.config, _task(run.config.head)
    folder = _export(run, trained)
    manifest = draft_manifest(
        folder,
        config.model,
        config.labels,
        _tokenization(config, trained),
        datetime.now(UTC).replace(microsecond=0),
        task=config.task,
        decoding=task.decoding(config, trained),
    )
    draft = Artifact(folder, manifest, digest="")
    parity = asdict(task.compare(run, trained, draft))
    fitted = task.fit(run, draft)
    measured = task.measure(run, fitted)
    figures = {
        name: task.figures(answers, config.labels) for name, answers in measured.answers.items()
    }
    changes = {
        "metrics": figures,
        "profile": task.profile(run, trained, measured),
        "provenance": provenance(config, run.data, {"parity": parity, **_more(run, measured)}),
        "samples": config.samples,
        "synonyms": config.synonyms,
        "questions": config.questions,
    }
    manifest = fitted.draft.manifest.model_copy(update=changes)
    (folder / CARD).write_text(render_card(manifest), encoding="utf-8")
    files = manifest.files | describe_files(folder, [(CARD, "card")])
    write_manifest(manifest.model_copy(update={"files": files}), folder)
    final = run.folder / "artifact"
    shutil.rmtree(final, ignore_errors=True)
    os.replace(folder, final)
    report = {"parity": parity, **fitted.report, **measured.report, "after_calibration": figures}
    return report, task.write_extras(run, measured.answers)


def _task(head: Head) -> TrainingTask:
    if head == "softmax":
        return ClassificationTask()
    if head == "sigmoid":
        return MultiLabelTask()
    # Here, because seqeval is installed for entities alone.
    from scripts.train.entities import EntityTask

    return EntityTask()


def _more(run: TrainingRun, measured: HeldOutAnswers) -> dict[str, Any]:
    """Return the teachers and the spread over countries, names and genders, where there are any."""
    teachers = {"teachers": list(run.teaching.origin)} if run.teaching else {}
    return teachers | {
        name: measured.report[name] for name in ("spread",) if name in measured.report
    }


def _export(run: TrainingRun, trained: TrainedModel) -> Path:
    """Export into an empty folder, which takes its final name once it is complete."""
    folder = run.folder / "artifact.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    serving = run.config.serving
    rounding = Rounding(tuple(serving.by_token), tuple(serving.exact), serving.precision)
    export(trained, folder, rounding)
    return folder


def _tokenization(config: TrainConfig, trained: TrainedModel) -> Tokenization:
    """Return how the configuration wants texts to be read, long ones in windows."""
    return Tokenization(
        max_tokens=config.serving.max_tokens,
        window="window",
        stride=config.serving.stride,
        max_windows=config.serving.max_windows,
        casing=trained.casing,
    )
