from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from function.core.tokenization import TextTokenizer
from scripts.train.batches import TokenizedTexts
from scripts.train.config import FinetuningConfig
from scripts.train.loop import Phase, set_seeds

IDS = [np.array([4 + n % 4] * (1 + n % 5)) for n in range(200)]


def examples(tokenizer):
    return TokenizedTexts(tokenizer, IDS, [0, 1] * 100)


@pytest.fixture
def tokenizer(artifact):
    return TextTokenizer(artifact / "tokenizer.json")


def settings(**changes):
    return FinetuningConfig(epoch_max_tokens=[8, 8], batch_texts=10, learning_rate=0.1, **changes)


def loss(model, batch):
    return functional.cross_entropy(model(batch.input_ids).mean(1), batch.labels)


class Run:
    """One process's worth of training in a folder."""

    def __init__(self, folder, tokenizer, config, **more):
        set_seeds(1)
        self.model = nn.Embedding(11, 2)
        self.log: list[dict[str, Any]] = []
        self.phase = Phase(
            "toy",
            self.model,
            loss,
            config,
            seed=1,
            device=torch.device("cpu"),
            folder=folder,
            checkpoint_minutes=0.0001,
            log=self.log.append,
            **more,
        )
        self._tokenizer = tokenizer

    def train(self, scores=(), every=5, patience=2):
        looks = iter(scores)
        evaluate = (lambda _: {"accuracy": next(looks)}) if scores else None
        self.phase.run(
            examples(self._tokenizer), evaluate=evaluate, evaluate_every=every, patience=patience
        )
        return [record["step"] for record in self.log if "loss" in record]


def test_training_stops_after_looks_that_are_no_better(tmp_path, tokenizer):
    steps = Run(tmp_path, tokenizer, settings()).train(scores=[0.6, 0.5, 0.5, 0.9])
    assert steps[-1] == 15


def test_the_best_weights_are_kept(tmp_path, tokenizer):
    run = Run(tmp_path, tokenizer, settings(max_steps=10))
    run.train(scores=[0.9, 0.1])
    best = torch.load(tmp_path / "toy.best.pt", weights_only=True)
    last = torch.load(tmp_path / "toy.checkpoint.pt", weights_only=True)["model"]
    assert torch.equal(run.model.weight, best["weight"])
    assert not torch.equal(best["weight"], last["weight"])


def test_an_average_of_the_steps_is_what_is_validated_and_kept(tmp_path, tokenizer, monkeypatch):
    steps, validated, usual = [], [], loss

    def watched(model, batch):
        steps.append(model.weight.detach().clone())  # before the step
        return usual(model, batch)

    def validate(model):
        validated.append(model.weight.detach().clone())
        return {"accuracy": 1.0}

    monkeypatch.setitem(globals(), "loss", watched)
    run = Run(tmp_path, tokenizer, settings(max_steps=10, average=0.5))
    run.phase.run(examples(tokenizer), evaluate=validate, evaluate_every=10, patience=1)
    last = torch.load(tmp_path / "toy.checkpoint.pt", weights_only=True)["model"]["weight"]
    average = steps[1]
    for weight in [*steps[2:], last]:
        average = (average + weight) / 2
    torch.testing.assert_close(validated, [average])
    assert torch.equal(run.model.weight, validated[0])


def test_an_average_goes_on_where_a_run_was_killed(tmp_path, tokenizer, monkeypatch):
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    config = settings(average=0.9)
    whole = Run(folders[0], tokenizer, config)
    whole.train()
    usual, seen = loss, []

    def killed(model, batch):
        seen.append(batch)
        if len(seen) == 30:
            raise KeyboardInterrupt
        return usual(model, batch)

    with monkeypatch.context() as patch:
        patch.setitem(globals(), "loss", killed)
        with pytest.raises(KeyboardInterrupt):
            Run(folders[1], tokenizer, config).train()
    again = Run(folders[1], tokenizer, config)
    assert 0 < len(again.train()) < 40
    torch.testing.assert_close(again.model.weight, whole.model.weight)


@pytest.mark.parametrize("average", [None, 0.5])
def test_a_share_of_the_first_weights_is_in_what_is_validated_and_kept(
    tmp_path, tokenizer, average
):
    validated = []

    def validate(model):
        validated.append(model.weight.detach().clone())
        return {"accuracy": 1.0}

    config = settings(max_steps=10, average=average, base_share=0.25)
    run = Run(tmp_path, tokenizer, config)
    first = run.model.weight.detach().clone()
    run.phase.run(examples(tokenizer), evaluate=validate, evaluate_every=10, patience=1)
    state = torch.load(tmp_path / "toy.checkpoint.pt", weights_only=True)
    last = state["average"]["module.weight"] if average else state["model"]["weight"]
    assert not torch.equal(first, last)
    torch.testing.assert_close(validated, [0.25 * first + 0.75 * last])
    assert torch.equal(run.model.weight, validated[0])
    again = Run(tmp_path, tokenizer, config)
    assert again.train() == []
    assert torch.equal(again.model.weight, validated[0])


def test_a_run_that_stopped_early_does_not_go_on_when_called_again(tmp_path, tokenizer):
    Run(tmp_path, tokenizer, settings()).train(scores=[0.6, 0.5, 0.5])
    assert Run(tmp_path, tokenizer, settings()).train(scores=[1.0] * 9) == []


def test_a_finished_run_gives_its_weights_again(tmp_path, tokenizer):
    first = Run(tmp_path, tokenizer, settings())
    first.train()
    again = Run(tmp_path, tokenizer, settings())
    assert again.train() == []
    assert torch.equal(first.model.weight, again.model.weight)


def test_without_a_number_of_steps_each_epoch_ends_with_a_look(tmp_path, tokenizer):
    run = Run(tmp_path, tokenizer, settings())
    run.train(scores=[0.5, 0.6], every=None)
    assert [record["step"] for record in run.log if "accuracy" in record] == [20, 40]


def test_parameters_can_have_rates_of_their_own(tmp_path, tokenizer):
    run = Run(tmp_path, tokenizer, settings(max_steps=3), rate=lambda name: 0.0)
    before = run.model.weight.clone()
    run.train()
    assert torch.equal(run.model.weight, before)


@pytest.mark.parametrize("halved", [True, False])
def test_a_cpu_computes_in_bfloat16_where_the_configuration_says_so(
    tmp_path, tokenizer, monkeypatch, halved
):
    seen, usual = [], loss

    def watched(model, batch):
        seen.append(torch.is_autocast_enabled("cpu"))
        return usual(model, batch)

    monkeypatch.setitem(globals(), "loss", watched)
    Run(tmp_path, tokenizer, settings(max_steps=2, bfloat16=halved)).train()
    assert seen == [halved] * 2
