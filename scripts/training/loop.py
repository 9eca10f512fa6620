"""One phase of training: batches in, a trained model out, with checkpoints on the way."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.training.batches import Batch, TokenizedTexts, collate, plan_epoch
from scripts.training.config import PhaseConfig
from scripts.training.progress import Progress

Loss = Callable[[nn.Module, Batch], torch.Tensor]


@dataclass(frozen=True)
class Step:
    """One optimiser step: which rows, cut to how many tokens."""

    rows: list[int]
    max_tokens: int


@dataclass
class Best:
    """The best look at the validation part so far, and how many looks were no better."""

    score: float = -1.0
    step: int = 0
    misses: int = 0


def set_seeds(seed: int) -> None:
    """Seed every source of randomness that training draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def plan_phase(
    data: TokenizedTexts, tokenizer: TextTokenizer, config: PhaseConfig, seed: int
) -> list[Step]:
    """Every step of a phase, from the seed alone."""
    steps = []
    for epoch, max_tokens in enumerate(config.epoch_max_tokens):
        lengths = [min(len(ids) + tokenizer.special_tokens, max_tokens) for ids in data.ids]
        batches = plan_epoch(
            lengths,
            batch_texts=config.batch_texts,
            batch_tokens=config.batch_tokens,
            seed=seed + epoch,
        )
        steps += [Step(rows, max_tokens) for rows in batches]
    return steps[: config.max_steps]


class Phase:
    """Runs the planned steps, resuming from `folder` where an earlier run was killed."""

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
    ) -> None:
        self._name, self._model, self._loss, self._config = name, model.to(device), loss, config
        self._seed, self._device, self._log = seed, device, log
        self._checkpoint = folder / f"{name}.checkpoint.pt"
        self._best_weights = folder / f"{name}.best.pt"
        self._checkpoint_seconds = checkpoint_minutes * 60
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(model, config.weight_decay), lr=config.learning_rate, fused=True
        )
        self._best = Best()
        self._step = 0

    def run(
        self,
        data: TokenizedTexts,
        tokenizer: TextTokenizer,
        *,
        evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
        evaluate_every: int = 0,
        patience: int = 0,
    ) -> None:
        """Train to the end of the plan, or until `patience` looks brought nothing better.

        `evaluate` returns figures; their mean decides. The best weights are restored at the end.
        """
        plan = plan_phase(data, tokenizer, self._config, self._seed)
        self._resume(len(plan))
        saved = time.monotonic()
        with Progress(self._name, len(plan), self._step) as progress:
            for step in plan[self._step :]:
                if evaluate and self._best.misses >= patience:
                    break
                loss = self._train_step(data, tokenizer, step, len(plan))
                progress.advance(loss=loss)
                last = self._step == len(plan)
                if evaluate and (last or self._step % evaluate_every == 0):
                    self._look(evaluate)
                if time.monotonic() - saved > self._checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        self._save()
        if evaluate:
            self._model.load_state_dict(torch.load(self._best_weights, weights_only=True))

    def _train_step(
        self, data: TokenizedTexts, tokenizer: TextTokenizer, step: Step, total: int
    ) -> float:
        generator = np.random.default_rng((self._seed, self._step))
        torch.manual_seed(self._seed + self._step)
        batch = collate(data, step.rows, tokenizer, step.max_tokens, generator).to(self._device)
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.learning_rate * self._rate(total)
        self._model.train()
        with torch.autocast("cuda", torch.bfloat16, enabled=self._device.type == "cuda"):
            loss = self._loss(self._model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._step += 1
        value = loss.item()
        self._log({"phase": self._name, "step": self._step, "loss": value})
        return value

    def _rate(self, total: int) -> float:
        """Linear warm-up, then linear decay to zero."""
        warmup = max(1, round(total * self._config.warmup))
        if self._step < warmup:
            return (self._step + 1) / warmup
        return (total - self._step) / max(1, total - warmup)

    def _look(self, evaluate: Callable[[nn.Module], dict[str, float]]) -> None:
        self._model.eval()
        figures = evaluate(self._model)
        score = sum(figures.values()) / len(figures)
        self._log({"phase": self._name, "step": self._step, **figures})
        if score > self._best.score:
            self._best = Best(score, self._step)
            _save_atomically(self._model.state_dict(), self._best_weights)
        else:
            self._best.misses += 1

    def _save(self) -> None:
        state = {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "best": vars(self._best),
        }
        _save_atomically(state, self._checkpoint)

    def _resume(self, total: int) -> None:
        if not self._checkpoint.exists():
            return
        state = torch.load(self._checkpoint, map_location=self._device, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step, self._best = state["step"], Best(**state["best"])
        self._log({"phase": self._name, "resumed_at": self._step, "of": total})


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Biases and normalisation weights are not decayed."""
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _save_atomically(state: dict[str, Any], path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
