"""From a trained model to a finished artifact: export, compare, fit, measure, write once.

The steps are the same for every task. What each does is up to a `TrainingTask`.
"""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from function.core.artifact import Artifact, Decoding, Tokenization, describe_files
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.config import TrainConfig
from scripts.train.corpus import Corpus
from scripts.train.export import EntityParity, ExportParity, export
from scripts.train.manifest import draft_manifest, provenance, render_card, write_manifest
from scripts.train.quantization import Rounding

CARD = "README.md"

Texts = TypeVar("Texts")
Answered = TypeVar("Answered")


@dataclass(frozen=True)
class Fitted(Generic[Answered]):
    """What was chosen on the validation parts.

    Attributes:
        tokenization: With the chosen way to read long texts.
        decoding: With the fitted temperature.
        validation: Answers before calibration by data set, where the choice took them.
        report: What was compared, for the run's report.
    """

    tokenization: Tokenization
    decoding: Decoding
    report: dict[str, Any]
    validation: Mapping[str, Answered] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured(Generic[Answered]):
    """Answers of the artifact, calibrated, by held-out data set; and more for the run's report."""

    answers: Mapping[str, Answered]
    report: dict[str, Any] = field(default_factory=dict)


class TrainingTask(ABC, Generic[Texts, Answered]):
    """The steps of a run that depend on its task.

    A draft is the exported artifact before anything was measured or chosen; its folder holds no
    manifest yet. Nothing is chosen on a test file.
    """

    @abstractmethod
    def read(self, config: TrainConfig, data: Path) -> Corpus[Texts]:
        """Read and split the data sets. Raises DataError."""

    @abstractmethod
    def decoding(self, trained: TrainedModel) -> Decoding:
        """Return how the outputs become answers, with temperature 1."""

    @abstractmethod
    def compare(
        self, run: TrainingRun, trained: TrainedModel, draft: Artifact
    ) -> ExportParity | EntityParity:
        """Compare the export with the trained model. Raises ExportError where it is too far off."""

    @abstractmethod
    def fit(self, run: TrainingRun, draft: Artifact) -> Fitted[Answered]:
        """Choose on the validation parts what can be chosen after training."""

    @abstractmethod
    def measure(
        self, run: TrainingRun, draft: Artifact, fitted: Fitted[Answered]
    ) -> Measured[Answered]:
        """Answer the validation parts, the test parts and the files that are measured only."""

    @abstractmethod
    def figures(self, answers: Answered, labels: list[str]) -> dict[str, float]:
        """Return the figures that the manifest records of one data set."""

    @abstractmethod
    def profile(
        self, run: TrainingRun, trained: TrainedModel, measured: Measured[Answered]
    ) -> dict[str, Any]:
        """Return the reference profile of the validation parts."""

    @abstractmethod
    def write_extras(self, run: TrainingRun, answers: Mapping[str, Answered]) -> list[Path]:
        """Write what a run leaves beside its artifact and report, and return the plots."""


def assemble(
    task: TrainingTask[Any, Any], run: TrainingRun, trained: TrainedModel
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Write the run's `artifact`.

    Returns:
        The report of what was compared, chosen and measured, whose `after_calibration` holds the
        figures by data set; and the calibrated answers by data set.

    Raises:
        ExportError: The export is too far off.
    """
    config = run.config
    folder = _export(run, trained)
    manifest = draft_manifest(
        folder,
        config.model,
        config.labels,
        _tokenization(config, trained),
        datetime.now(UTC).replace(microsecond=0),
        task=config.task,
        decoding=task.decoding(trained),
    )
    draft = Artifact(folder, manifest, digest="")
    parity = asdict(task.compare(run, trained, draft))
    fitted = task.fit(run, draft)
    measured = task.measure(run, draft, fitted)
    figures = {
        name: task.figures(answers, config.labels) for name, answers in measured.answers.items()
    }
    changes = {
        "tokenization": fitted.tokenization,
        "decoding": fitted.decoding,
        "metrics": figures,
        "profile": task.profile(run, trained, measured),
        "provenance": provenance(config, run.data, {"parity": parity}),
    }
    manifest = manifest.model_copy(update=changes)
    (folder / CARD).write_text(render_card(manifest), encoding="utf-8")
    files = manifest.files | describe_files(folder, [(CARD, "card")])
    write_manifest(manifest.model_copy(update={"files": files}), folder)
    final = run.folder / "artifact"
    shutil.rmtree(final, ignore_errors=True)
    os.replace(folder, final)
    reports = {"parity": parity, **fitted.report, **measured.report}
    return reports | {"after_calibration": figures}, measured.answers


def _export(run: TrainingRun, trained: TrainedModel) -> Path:
    """Export into an empty folder, which takes its final name once it is complete."""
    folder = run.folder / "artifact.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    serving = run.config.serving
    export(trained, folder, Rounding(tuple(serving.by_token), tuple(serving.exact)))
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
