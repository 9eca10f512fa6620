"""The plan of a phase of training, which follows from the seed alone.

It is which batch each step takes, its learning rate, and the steps after which the model is
validated. So a killed run finds its place again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.train.batches import Examples, plan_epoch
from scripts.train.config import PhaseConfig


@dataclass(frozen=True)
class PlannedStep:
    """One optimiser step: rows of an epoch, cut to `max_tokens`."""

    rows: list[int]
    max_tokens: int
    epoch: int


def plan_phase(epochs: Sequence[Examples], config: PhaseConfig, seed: int) -> list[PlannedStep]:
    """Return every step of a phase; `epochs` are the examples of each."""
    steps = []
    for epoch, max_tokens in enumerate(config.epoch_max_tokens):
        batches = plan_epoch(
            epochs[epoch].lengths(max_tokens),
            batch_texts=config.batch_texts,
            batch_tokens=config.batch_tokens,
            seed=seed + epoch,
        )
        steps += [PlannedStep(rows, max_tokens, epoch) for rows in batches]
    return steps[: config.max_steps]


def plan_validations(plan: Sequence[PlannedStep], every: int | None) -> set[int]:
    """Return the steps after which the model is validated; the last is always one."""
    if every is not None:
        return {*range(every, len(plan), every), len(plan)}
    last_of_epoch = {step.epoch: number for number, step in enumerate(plan, start=1)}
    return set(last_of_epoch.values())


def warm_up_and_decay(step: int, total: int, warmup: float) -> float:
    """Return the factor of the learning rate at a step.

    It grows linearly over the share `warmup` of the steps, then falls linearly to zero.
    """
    steps = max(1, round(total * warmup))
    if step < steps:
        return (step + 1) / steps
    return (total - step) / max(1, total - steps)
