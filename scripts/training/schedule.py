"""What a phase of training does at each of its steps, planned from the seed alone so that a killed
run finds its place again: which batch, how fast it learns, and when it is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.training.batches import plan_epoch
from scripts.training.config import PhaseConfig
from scripts.training.examples import Examples


@dataclass(frozen=True)
class Step:
    """One optimiser step: which rows of which epoch, cut to how many tokens."""

    rows: list[int]
    max_tokens: int
    epoch: int


def plan_phase(epochs: Sequence[Examples], config: PhaseConfig, seed: int) -> list[Step]:
    """Every step of a phase, from the seed alone. epochs: the examples of each."""
    steps = []
    for epoch, max_tokens in enumerate(config.epoch_max_tokens):
        batches = plan_epoch(
            epochs[epoch].lengths(max_tokens),
            batch_texts=config.batch_texts,
            batch_tokens=config.batch_tokens,
            seed=seed + epoch,
        )
        steps += [Step(rows, max_tokens, epoch) for rows in batches]
    return steps[: config.max_steps]


def plan_looks(plan: Sequence[Step], every: int | None) -> set[int]:
    """Steps after which the validation part is looked at; the last is always one."""
    if every is not None:
        return {*range(every, len(plan), every), len(plan)}
    last_of_epoch = {step.epoch: number for number, step in enumerate(plan, start=1)}
    return set(last_of_epoch.values())


def warm_up_and_decay(step: int, total: int, warmup: float) -> float:
    """What the learning rate is multiplied with: linear warm-up over a share of the steps, then
    linear decay to zero."""
    steps = max(1, round(total * warmup))
    if step < steps:
        return (step + 1) / steps
    return (total - step) / max(1, total - steps)
