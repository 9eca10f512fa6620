import numpy as np
import pytest

from function.core.tokenization import TextTokenizer
from scripts.train.batches import TokenizedTexts
from scripts.train.config import FinetuningConfig
from scripts.train.schedule import PlannedStep, plan_phase, plan_validations, warm_up_and_decay

IDS = [np.array([4 + n % 4] * (1 + n % 5)) for n in range(200)]


@pytest.fixture
def epochs(artifact):
    tokenizer = TextTokenizer(artifact / "tokenizer.json")
    return [TokenizedTexts(tokenizer, IDS, [0, 1] * 100)] * 2


def settings(**changes):
    return FinetuningConfig(epoch_max_tokens=[8, 16], batch_texts=10, **changes)


def test_a_plan_has_every_row_once_an_epoch_unless_cut_short(epochs):
    plan = plan_phase(epochs, settings(), seed=1)
    for epoch in (0, 1):
        rows = [row for step in plan if step.epoch == epoch for row in step.rows]
        assert sorted(rows) == list(range(len(IDS)))
    assert plan_phase(epochs, settings(max_steps=7), seed=1) == plan[:7]


def test_each_epoch_has_its_own_length_and_order(epochs):
    plan = plan_phase(epochs, settings(), seed=1)
    assert {step.max_tokens for step in plan if step.epoch == 1} == {16}
    assert [step.rows for step in plan[:20]] != [step.rows for step in plan[20:]]


def test_a_plan_is_the_same_again_from_its_seed(epochs):
    assert plan_phase(epochs, settings(), seed=1) == plan_phase(epochs, settings(), seed=1)
    assert plan_phase(epochs, settings(), seed=1) != plan_phase(epochs, settings(), seed=2)


PLAN = [PlannedStep([0], 8, epoch) for epoch in (0, 0, 0, 1, 1)]


@pytest.mark.parametrize(("every", "steps"), [(None, {3, 5}), (2, {2, 4, 5}), (5, {5}), (99, {5})])
def test_a_look_comes_after_each_epoch_or_so_many_steps_and_at_the_end(every, steps):
    assert plan_validations(PLAN, every) == steps


def test_the_learning_rate_warms_up_to_its_height_and_decays_to_nothing():
    factors = [warm_up_and_decay(step, 10, 0.2) for step in range(11)]
    assert factors == pytest.approx([0.5, 1, 1, *(left / 8 for left in range(7, -1, -1))])


def test_a_schedule_of_one_step_learns():
    assert warm_up_and_decay(0, 1, 0.06) == 1
