"""Checkpoints that plain int8 breaks: some of their activations are far larger than the others."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from scripts.common.errors import ExportError
from scripts.refresh.rounding_search import measure_errors, search_rounding
from scripts.train.parity import ExportParity
from scripts.train.quantization import Rounding
from tests.checkpoints import (
    SHAPE,
    compare_with_torch,
    imported,
    sentences,
    write_checkpoint,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

CONTEXTS = [f"bert.encoder.layer.{layer}.attention.output.dense.weight" for layer in range(2)]
HELD = ExportParity(100, 1.0, 0.0, 0.0, 0, 0.3)
FAILED = replace(HELD, agreement=0.5)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    logging.disable(logging.WARNING)
    return write_checkpoint(tmp_path_factory.mktemp("plain") / "checkpoint", "bert")


@pytest.fixture
def uneven(checkpoint, tmp_path):
    """The same function, but one value of each attention's context is 3000 times as large."""
    folder = shutil.copytree(checkpoint, tmp_path / "uneven")
    weights = load_file(folder / "model.safetensors")
    for layer in range(2):
        attention = f"bert.encoder.layer.{layer}.attention"
        for part in ("weight", "bias"):
            weights[f"{attention}.self.value.{part}"][5] *= 3000
        weights[f"{attention}.output.dense.weight"][:, 5] /= 3000
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_the_matrices_that_break_int8_stay_exact_and_no_others(uneven, tmp_path, capsys):
    artifact = imported(uneven, tmp_path / "artifact")
    rounding = artifact.manifest.provenance["rounding"]
    assert set(rounding["exact"]) <= set(CONTEXTS)
    assert rounding["exact"]
    size = SHAPE["hidden_size"] ** 2
    assert rounding["bytes"] == 3 * size * len(rounding["exact"])
    kept = load_file(artifact.path / "model.safetensors")
    for name in CONTEXTS:
        exact = name in rounding["exact"]
        assert kept[name].dtype == (torch.float32 if exact else torch.int8)
    assert kept["bert.encoder.layer.0.output.dense.weight"].dtype == torch.int8
    assert f"stays exact: {rounding['exact'][0]}, {3 * size:,} bytes" in capsys.readouterr().err
    served, exact = compare_with_torch(uneven, artifact, sentences(30, 25, seed=2))
    assert (served.argmax(1) == exact.argmax(1)).mean() >= 0.95


def test_a_checkpoint_whose_int8_holds_at_once_is_not_searched(checkpoint, tmp_path):
    assert "rounding" not in imported(checkpoint, tmp_path / "artifact").manifest.provenance


class OneProduct(nn.Module):
    """A table of ten tokens, and one matrix."""

    def __init__(self):
        super().__init__()
        self.table, self.matrix = nn.Embedding(10, 64), nn.Linear(64, 16)

    def forward(self, input_ids, attention_mask):
        return self.matrix(self.table(input_ids))


def test_a_token_with_large_numbers_costs_the_others_their_precision_unless_scaled():
    torch.manual_seed(0)
    model, windows = OneProduct(), [np.array([0, 3, 4, 5])]
    _, even = measure_errors(model, windows, ["matrix.weight"])["matrix.weight"]
    model.table.weight.data[0] *= 1000
    plain, token = measure_errors(model, windows, ["matrix.weight"])["matrix.weight"]
    assert plain > 10 * token
    assert token == pytest.approx(even, rel=0.5)
    assert even < 0.02


def agreeing(needed):
    """Attempts that hold where `needed` stay exact, and the roundings that they were asked for."""
    asked = []

    def attempt(rounding):
        asked.append(rounding)
        return HELD if set(needed) <= set(rounding.exact) else FAILED

    return attempt, asked


ERRORS = {f"m{number}": (1 / (1 + number), 1 / (1 + number)) for number in range(20)}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_no_more_stay_exact_than_it_takes(count):
    needed = [f"m{number}" for number in range(count)]
    attempt, asked = agreeing(needed)
    rounding, parity = search_rounding(attempt, ERRORS, FAILED)
    assert rounding == Rounding((), tuple(needed))
    assert not parity.problem
    assert asked[-1] == rounding  # what was written last is what is answered
    assert len(asked) <= 11


def test_scales_by_token_come_first_and_suffice_where_they_do():
    errors = ERRORS | {"m3": (0.9, 0.1)}
    attempt, asked = agreeing([])
    rounding, _ = search_rounding(attempt, errors, FAILED)
    assert rounding == Rounding(("m3",), ())
    assert asked == [rounding]
    attempt, asked = agreeing(["m3"])
    rounding, parity = search_rounding(attempt, errors, FAILED)
    assert "m3" in rounding.exact
    assert not rounding.by_token
    assert not parity.problem


def test_the_search_ends_in_time_and_says_that_nothing_agreed():
    attempt, asked = agreeing(["absent"])
    _, parity = search_rounding(attempt, ERRORS, FAILED)
    assert parity.problem
    assert set(asked[-1].exact) == set(ERRORS)
    attempt, asked = agreeing(["m19"])
    _, parity = search_rounding(attempt, ERRORS, FAILED, seconds=0)
    assert parity.problem
    assert not asked


def test_a_checkpoint_that_agrees_in_no_rounding_is_refused_with_the_remedy(
    uneven, tmp_path, monkeypatch
):
    from scripts.refresh import conversion

    monkeypatch.setattr(conversion, "search_rounding", lambda *_: (Rounding(), FAILED))
    with pytest.raises(ExportError, match=r"another label.*--precision fp32 imports it as it is"):
        imported(uneven, tmp_path / "artifact")
    assert not (tmp_path / "artifact").exists()
