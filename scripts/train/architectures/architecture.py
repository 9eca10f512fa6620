"""Interface of an architecture: the run that it is given, the model that it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.common.settings_file import check_settings
from scripts.train.batches import Examples, Teaching
from scripts.train.config import Head, PhaseConfig, TrainConfig
from scripts.train.corpus import Corpus
from scripts.train.loop import Evaluate, Loss, Phase, Rate, same_rate

BUILT_IN = "scripts.train.architectures"

Log = Callable[[dict[str, Any]], None]
NetworkSettings = TypeVar("NetworkSettings", bound=BaseModel)


@dataclass(frozen=True)
class TrainingRun:
    """One run of one configuration."""

    config: TrainConfig
    corpus: Corpus[Any]  # read and split; of a task that finds entities, texts with their spans
    data: Path  # the folder that paths of the configuration are relative to
    folder: Path  # where the run keeps what a killed one needs to go on
    log: Log  # takes every step and every validation
    teaching: Teaching | None = None  # which `training_examples` of `classifiers.py` adds

    def settings(self, kind: type[NetworkSettings]) -> NetworkSettings:
        """Return the configuration's `[network]`. Raises UsageError with the first wrong key."""
        return check_settings(kind, self.config.network, "network.")

    def require_head(self, *heads: Head) -> None:
        """Raise UsageError unless the configuration's head is one of these."""
        if self.config.head not in heads:
            raise UsageError(
                f"head: the architecture '{self.config.architecture}' has {' and '.join(heads)}, "
                f"not '{self.config.head}'"
            )

    def held_out(self) -> dict[str, Any]:
        """Return the start of each validation part, as long as the configuration says."""
        most = self.config.finetuning.validation_texts
        parts: dict[str, Any] = self.corpus.validation
        return {name: rows.select(range(min(len(rows), most))) for name, rows in parts.items()}

    def phase(
        self, name: str, model: nn.Module, loss: Loss, config: PhaseConfig, rate: Rate = same_rate
    ) -> Phase:
        """Return a phase of training, on a GPU where there is one."""
        return Phase(
            name,
            model,
            loss,
            config,
            seed=self.config.seed,
            device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
            folder=self.folder,
            checkpoint_minutes=self.config.checkpoint_minutes,
            log=self.log,
            rate=rate,
        )

    def fit(
        self,
        model: nn.Module,
        loss: Loss,
        train: Examples,
        evaluate: Evaluate,
        rate: Rate = same_rate,
    ) -> None:
        """Run the phase `finetuning`: the model ends with the weights that validated best.

        `evaluate` returns figures, whose mean decides; `rate` is a factor of a parameter's learning
        rate, by its name.
        """
        settings = self.config.finetuning
        self.phase("finetuning", model, loss, settings, rate).run(
            train,
            evaluate=evaluate,
            evaluate_every=settings.evaluate_every,
            patience=settings.patience,
        )


@dataclass(frozen=True)
class TrainedModel:
    """A model that can be exported.

    `model` is in evaluation mode. Called with `input_ids` and `attention_mask`, right-padded
    (texts, tokens), it returns logits, (texts, labels) or (texts, tokens, tags), or an object that
    has them as `logits`. `decoder` has tensors for the decoder of the graph's outputs, a file of
    the artifact.
    """

    model: nn.Module
    tokenizer: TextTokenizer
    tokenizer_file: Path
    config: Mapping[str, Any]
    decoder: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    casing: bool = False  # whether ids carry casing (see `function/core/casing.py`)


class Architecture(Protocol):
    """A module that makes models of one kind."""

    def train(self, run: TrainingRun) -> TrainedModel:
        """Train, going on in the run's folder where a run was killed."""


def load_architecture(name: str) -> Architecture:
    """Import one of the project's, or any module by its dotted name. Raises UsageError."""
    module = name if "." in name else f"{BUILT_IN}.{name}"
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise UsageError(
            f"architecture '{name}': no module {module}; give transformer, lstm, bilstm_crf, or "
            "the dotted name of a module that can be imported"
        ) from error
    if not callable(getattr(found, "train", None)):
        raise UsageError(f"architecture '{name}': {module} has no function 'train'")
    return found
