"""Every family that can be imported: torch compared with the graph, over one weight file."""

import numpy as np
import pytest
from transformers import GPT2Config

from function.backends.onnx_backend import OnnxBackend
from function.backends.torch_backend import TorchBackend
from function.backends.weights import read_parameters
from function.core.backend import pad
from tests.checkpoints import FAMILIES
from tests.unit.backends.exported import MAX_TOKENS, SHAPE, windows, write_exported

ROUNDING = 0.05  # of the spread of logits: what rounded activations cost
FLOATS = 1e-5
OWN_ATTENTION = {"deberta-v2"}  # disentangled, which no fused kernel computes


def gpt2(**settings):
    """Keeps its matrices as (in, out), which torch's own layers do not."""
    return GPT2Config(
        vocab_size=settings["vocab_size"],
        n_embd=settings["hidden_size"],
        n_layer=settings["num_hidden_layers"],
        n_head=settings["num_attention_heads"],
        id2label=settings["id2label"],
        pad_token_id=0,
    )


CONFIGURATIONS = {name: make for name, (make, *_) in FAMILIES.items()} | {"gpt2": gpt2}


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def family(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "artifact"
    exported = write_exported(folder, CONFIGURATIONS[request.param](**SHAPE))
    return request.param, exported, TorchBackend(exported.artifact, device="cpu", threads=1)


def one_by_one(backend, texts):
    return np.concatenate([backend.run(*pad([text], 0)) for text in texts])


def test_it_answers_as_the_graph(family):
    _, exported, backend = family
    texts = windows([2, 7, MAX_TOKENS, 15] * 6)
    served = one_by_one(OnnxBackend(exported.artifact, 1), texts)
    exact = one_by_one(backend, texts)
    assert (served - exact).std() < ROUNDING * exact.std(axis=0).min()


def test_the_file_has_the_checkpoints_parameters_each_as_torch_keeps_it(family):
    _, exported, _ = family
    _, parameters = read_parameters(exported.artifact)
    assert parameters.keys() == exported.parameters.keys()
    for name, exact in exported.parameters.items():
        off = np.abs(parameters[name] - exact).max()
        assert off <= np.abs(exact).max() / 126, name


def test_padding_moves_no_logit(family):
    _, exported, backend = family
    texts = windows([2, 3, 11, MAX_TOKENS], seed=1)
    together = backend.run(*pad(texts, exported.pad_id))
    np.testing.assert_allclose(together, one_by_one(backend, texts), atol=FLOATS)


def test_attention_is_fused_where_the_family_has_such(family):
    name, _, backend = family
    fused = backend._model.config._attn_implementation == "sdpa"
    assert fused == (name not in OWN_ATTENTION)
