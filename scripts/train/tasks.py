"""Tasks of a training run: the steps, before and after an architecture's own part, that differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from function.core.artifact import Artifact
from function.core.heads import Decoding
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.config import TrainConfig
from scripts.train.parity import EntityParity, ExportParity

REMEDY = (
    "In [serving], name the matrices that int8 costs most (often the feed-forward ones of the "
    "first layers) under by_token, or under exact, which keeps them in fp32, or set precision = "
    '"fp32" for all, and run the same command again: what was trained is kept, and only the export '
    "is made again. A model that has hardly learnt needs longer training or more rows instead, and "
    "another --output"
)


@dataclass(frozen=True)
class Fitted:
    """The choices that were made on the validation parts."""

    report: dict[str, Any]  # what was compared, for the run's report
    draft: Artifact  # with the chosen way to read long texts, temperature, thresholds, a cascade
    validation: Mapping[str, Any] = field(default_factory=dict)  # answers before the temperature


@dataclass(frozen=True)
class HeldOutAnswers:
    """Answers of the artifact, calibrated, by held-out data set; and more for the run's report."""

    answers: Mapping[str, Any]
    report: dict[str, Any] = field(default_factory=dict)


class TrainingTask(Protocol):
    """The steps of a run that depend on its task, as do the rows and the answers that it compares.

    A draft is the exported artifact before anything was measured or chosen; its folder holds no
    manifest yet. Nothing is chosen on a test file.
    """

    def decoding(self, config: TrainConfig, trained: TrainedModel) -> Decoding:
        """Return how the outputs become answers, with temperature 1."""

    def compare(
        self, run: TrainingRun, trained: TrainedModel, draft: Artifact
    ) -> ExportParity | EntityParity:
        """Compare the export with the trained model. Raises ExportError where it is too far off."""

    def fit(self, run: TrainingRun, draft: Artifact) -> Fitted:
        """Choose on the validation parts what can be chosen after training."""

    def measure(self, run: TrainingRun, fitted: Fitted) -> HeldOutAnswers:
        """Answer the validation parts, the test parts and the files that are measured only."""

    def figures(self, answers: Any, labels: list[str]) -> dict[str, float]:
        """Return the figures that the manifest records of one data set."""

    def profile(
        self, run: TrainingRun, trained: TrainedModel, measured: HeldOutAnswers
    ) -> dict[str, Any]:
        """Return the reference profile of the validation parts."""

    def write_extras(self, run: TrainingRun, answers: Mapping[str, Any]) -> list[Path]:
        """Write the run's files other than artifact and report, and return the plots."""
