"""One phase of training: its steps, its validations, and checkpoints on the way."""

import copy
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from scripts.common.progress import Progress
from scripts.train.batches import Batch, Examples
from scripts.train.config import PhaseConfig
from scripts.train.schedule import PlannedStep, plan_phase, plan_validations, warm_up_and_decay

Loss = Callable[[nn.Module, Batch], torch.Tensor]
Evaluate = Callable[[nn.Module], dict[str, float]]
Rate = Callable[[str], float]


def same_rate(_: str) -> float:
    """Return the factor of a learning rate that is the same for all parameters."""
    return 1.0


@dataclass
class BestValidation:
    """The best validation so far, and the number of later ones that were no better."""

    score: float = -1.0
    step: int = 0
    misses: int = 0


def set_seeds(seed: int) -> None:
    """Seed every source of randomness that training draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class Phase:
    """A phase of training, which resumes from `folder` where an earlier run was killed."""

    def __init__(
        self,
        name: str,
        model: nn.Module,
        loss: Loss,
        config: PhaseConfig,
        *,
        seed: int,
        device: torch.device,
        folder: Path,
        checkpoint_minutes: float,
        log: Callable[[dict[str, Any]], None],
        rate: Rate = same_rate,
    ) -> None:
        """Set up the optimiser; `rate` is a factor of a parameter's learning rate, by its name."""
        self._name, self._model, self._loss, self._config = name, model.to(device), loss, config
        self._seed, self._device, self._log = seed, device, log
        self._checkpoint = folder / f"{name}.checkpoint.pt"
        self._best_weights = folder / f"{name}.best.pt"
        self._checkpoint_seconds = checkpoint_minutes * 60
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(model, config.weight_decay, rate),
            lr=config.learning_rate,
            fused=True,
        )
        self._average, self._judged = None, self._model  # which is validated, and kept
        if config.average is not None:
            average = get_ema_multi_avg_fn(config.average)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(self._model, multi_avg_fn=average)
            self._judged = self._average.module
        if config.base_share is not None:
            self._trained, self._judged = self._judged, copy.deepcopy(self._model)
            self._start = copy.deepcopy(self._model.state_dict())
        self._best = BestValidation()
        self._step = 0

    def run(
        self,
        data: Examples,
        *,
        evaluate: Evaluate | None = None,
        evaluate_every: int | None = None,
        patience: int = 0,
    ) -> None:
        """Train to the end of the plan, or until `patience` validations brought nothing better.

        The mean of the figures of `evaluate` decides; the best weights are restored at the end. It
        is called every `evaluate_every` steps; None calls it after each epoch.
        """
        epochs = [
            data.of_epoch(self._seed + epoch) for epoch in range(len(self._config.epoch_max_tokens))
        ]
        plan = plan_phase(epochs, self._config, self._seed)
        validated = plan_validations(plan, evaluate_every)
        self._resume(len(plan))
        saved = time.monotonic()
        with _denormals_flushed(), Progress(self._name, len(plan), self._step) as progress:
            for step in plan[self._step :]:
                if evaluate and self._best.misses >= patience:
                    break
                loss = self._train_step(epochs[step.epoch], step, len(plan))
                progress.advance(loss=loss)
                if evaluate and self._step in validated:
                    self._validate(evaluate)
                if time.monotonic() - saved > self._checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        self._save()
        self._blend()
        kept = self._judged.state_dict()
        if evaluate:
            kept = torch.load(self._best_weights, map_location=self._device, weights_only=True)
        self._model.load_state_dict(kept)

    def _train_step(self, data: Examples, step: PlannedStep, total: int) -> float:
        generator = np.random.default_rng((self._seed, self._step))
        torch.manual_seed(self._seed + self._step)
        batch = data.collate(step.rows, step.max_tokens, generator).to(self._device)
        rate = self._config.learning_rate * warm_up_and_decay(
            self._step, total, self._config.warmup
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        self._model.train()
        halved = self._config.bfloat16 or self._device.type == "cuda"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=halved):
            loss = self._loss(self._model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._average:
            self._average.update_parameters(self._model)
        self._step += 1
        value = loss.item()
        self._log({"phase": self._name, "step": self._step, "loss": value})
        return value

    @torch.no_grad()
    def _blend(self) -> None:
        """Bring what is validated, and kept, between the first weights and the latest ones."""
        if self._config.base_share is None:
            return
        first, latest = self._start, self._trained.state_dict()
        for name, kept in self._judged.state_dict().items():
            blend = latest[name]
            if kept.is_floating_point():
                blend = blend.lerp(first[name], self._config.base_share)
            kept.copy_(blend)

    def _validate(self, evaluate: Evaluate) -> None:
        self._blend()
        self._judged.eval()
        figures = evaluate(self._judged)
        score = sum(figures.values()) / len(figures)
        self._log({"phase": self._name, "step": self._step, **figures})
        if score > self._best.score:
            self._best = BestValidation(score, self._step)
            _save_atomically(self._judged.state_dict(), self._best_weights)
        else:
            self._best.misses += 1

    def _save(self) -> None:
        state = {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "best": vars(self._best),
            "average": self._average and self._average.state_dict(),
        }
        _save_atomically(state, self._checkpoint)

    def _resume(self, total: int) -> None:
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, map_location=self._device, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average:
            self._average.load_state_dict(state["average"])
        self._step, self._best = state["step"], BestValidation(**state["best"])
        self._log({"phase": self._name, "resumed_at": self._step, "of": total})


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take numbers next to zero for zero, with which recurrent layers are a hundred times slower.

    It is a mode of the thread, which others' arithmetic must not find.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _parameter_groups(model: nn.Module, weight_decay: float, rate: Rate) -> list[dict[str, Any]]:
    """Group parameters by learning rate; biases and normalisation weights are not decayed."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decay = weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate(name), decay), []).append(parameter)
    return [
        {"params": parameters, "rate": factor, "weight_decay": decay}
        for (factor, decay), parameters in groups.items()
    ]


def _save_atomically(state: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
