"""Start and end of a training run, around the architecture's own part."""

from pathlib import Path
from typing import Any

from function.core.artifact import Task
from scripts.common.errors import UsageError
from scripts.train.architectures.architecture import Log, TrainedModel, TrainingRun
from scripts.train.assemble import TrainingTask, assemble
from scripts.train.classification import ClassificationTask
from scripts.train.config import TrainConfig


def start(config: TrainConfig, data: Path, folder: Path, log: Log) -> TrainingRun:
    """Read the corpus of a run. Raises DataError, UsageError."""
    if config.task == "text-classification" and len(config.labels) < 2:
        raise UsageError("labels: a classifier needs two or more")
    return TrainingRun(config, _task(config.task).read(config, data), data, folder, log)


def finish(run: TrainingRun, trained: TrainedModel) -> tuple[dict[str, Any], list[Path]]:
    """Write `artifact` and plots into the run's folder.

    Returns:
        The report, whose `after_calibration` has the figures of each data set, and the plots.

    Raises:
        ExportError: The export is too far from the trained model.
    """
    task = _task(run.config.task)
    report, answers = assemble(task, run, trained)
    return report, task.write_extras(run, answers)


def _task(task: Task) -> TrainingTask[Any, Any]:
    if task == "text-classification":
        return ClassificationTask()
    # Here, because seqeval is installed for entities alone.
    from scripts.train.entities import EntityTask

    return EntityTask()
