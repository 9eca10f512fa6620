import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import BertConfig

from function.backends import torch_backend
from function.backends.onnx_backend import OnnxBackend
from function.backends.torch_backend import TorchBackend
from function.backends.torch_model import load_model
from function.core.artifact import open_artifact
from function.core.backend import pad, run_in_batches
from function.core.errors import PredictionError, SettingsError
from tests.unit.backends.conftest import reweighted
from tests.unit.backends.exported import LABELS, MAX_TOKENS, SHAPE, windows, write_exported

LOUD = 20  # a token whose activations no half-precision number holds, see `loud`


@pytest.fixture(scope="module")
def backend(bert):
    return TorchBackend(bert.artifact, device="cpu")


def test_it_answers_in_float32_one_row_a_window(backend):
    logits = backend.run(*pad(windows([3, MAX_TOKENS, 8]), 0))
    assert (logits.dtype, logits.shape) == (np.float32, (3, len(LABELS)))
    assert (backend.device, backend.precision) == ("cpu", "float32")


def test_it_answers_as_the_graph_that_shares_its_weights(bert, backend):
    batch = pad(windows([3, MAX_TOKENS, 8, 15]), 0)
    difference = backend.run(*batch) - OnnxBackend(bert.artifact, 1).run(*batch)
    assert np.abs(difference).max() < 0.05  # the graph rounds activations


@pytest.mark.parametrize("head", ["argmax", "embedding"])
def test_outputs_of_tokens_are_as_those_of_the_graph(tmp_path, head):
    config = BertConfig(**SHAPE, pad_token_id=0)
    artifact = write_exported(tmp_path / "artifact", config, head=head).artifact
    texts = windows([3, MAX_TOKENS, 8])
    graph = run_in_batches(OnnxBackend(artifact, 1), texts, 0, batch_tokens=1000)
    own = run_in_batches(TorchBackend(artifact, device="cpu"), texts, 0, batch_tokens=1000)
    assert [each.shape for each in own] == [
        (len(text), artifact.manifest.outputs) for text in texts
    ]
    for expected, given in zip(graph, own, strict=True):
        assert (
            np.corrcoef(expected.ravel(), given.ravel())[0, 1] > 0.999
        )  # which rounds activations
        assert np.abs(expected).max() > 0.1


def test_other_windows_of_a_batch_do_not_change_a_windows_logits(backend):
    texts = windows([2, 5, 5, 11, 17, MAX_TOKENS])
    together = run_in_batches(backend, texts, 0, batch_tokens=1000)
    alone = np.concatenate([backend.run(*pad([text], 0)) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_graph_is_not_needed(bert, copy):
    (copy / "model.onnx").unlink()
    artifact = open_artifact(copy, optional=["graph"])
    batch = pad(windows([4]), 0)
    expected = TorchBackend(bert.artifact).run(*batch)
    np.testing.assert_array_equal(TorchBackend(artifact).run(*batch), expected)


@pytest.mark.parametrize("token", [-1, 1100])
def test_a_token_that_the_model_has_not_never_reaches_the_device(backend, token):
    with pytest.raises(PredictionError, match="outside the vocabulary of 1100"):
        backend.run(*pad([np.array([5, token])], 0))


@pytest.mark.parametrize("device", ["tpu", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_a_wrong_setting(bert, device):
    with pytest.raises(SettingsError, match=f"device: .*'{device}'"):
        TorchBackend(bert.artifact, device=device)


def test_threads_hold_for_every_thread_that_calls(bert):
    before = torch.get_num_threads()
    try:
        TorchBackend(bert.artifact, device="cpu", threads=3)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
        TorchBackend(bert.artifact, device="cpu", threads=0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("precision", "tolerance"), [("float16", 5e-3), ("bfloat16", 5e-2)])
def test_half_precision_answers_nearly_as_float32(bert, backend, precision, tolerance):
    batch = pad(windows([3, 9, MAX_TOKENS]), 0)
    half = TorchBackend(bert.artifact, device="cpu", precision=precision)
    logits = half.run(*batch)
    assert half.precision == precision
    assert logits.dtype == np.float32
    difference = np.abs(logits - backend.run(*batch)).max()
    assert 0 < difference < tolerance


def loud(tensors):
    """One token makes an inner number of 1e5, which float16 has not; others stay below."""
    table = tensors["bert.embeddings.word_embeddings.weight"]
    scale = tensors["bert.embeddings.word_embeddings.weight_scale"]
    for name in ("position_embeddings", "token_type_embeddings"):
        tensors[f"bert.embeddings.{name}.weight"] *= 0
    for part in ("value.weight_scale", "value.bias"):  # attention adds nothing
        tensors[f"bert.encoder.layer.0.attention.self.{part}"] *= 0
    tensors["bert.encoder.layer.0.attention.output.dense.bias"] *= 0
    vector = table[LOUD] * scale[LOUD]
    direction = (vector - vector.mean()) / vector.std()
    name = "bert.encoder.layer.0.intermediate.dense.weight"
    steps = np.round(63 * direction / np.abs(direction).max())
    tensors[name][:, 0] = steps
    tensors[f"{name}_scale"][0] = 1e5 / (direction @ steps)


def test_a_window_that_overflows_half_precision_is_run_again_in_float32(copy, caplog):
    artifact = reweighted(copy, loud)
    quiet, noisy = windows([9, 5])
    noisy[0] = LOUD  # the position that is classified
    batch = pad([quiet, noisy], 0)
    exact = TorchBackend(artifact, device="cpu").run(*batch)
    half = TorchBackend(artifact, device="cpu", precision="float16")
    assert np.isnan(half._forward(half._model, *batch)).any(axis=1).tolist() == [False, True]
    with caplog.at_level(logging.WARNING, "evergreen"):
        logits = half.run(*batch)
        again = half.run(*batch)
    np.testing.assert_allclose(logits, exact, atol=5e-3)
    np.testing.assert_array_equal(logits, again)
    assert [record.getMessage()[:26] for record in caplog.records] == ["a text overflowed float16 "]


def test_only_the_windows_that_overflow_are_run_again(copy):
    half = TorchBackend(reweighted(copy, loud), device="cpu", precision="float16")
    quiet, noisy = windows([9, 5])
    noisy[0] = LOUD  # the position that is classified
    shapes = []
    half._in_float32().register_forward_pre_hook(
        lambda _, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    half.run(*pad([quiet, noisy, quiet], 0))
    assert shapes == [(1, 9)]


def test_weights_beyond_float16_are_served_in_bfloat16_on_a_gpu(bert, copy):
    def huge(tensors):
        tensors["classifier.bias"][0] = 1e6

    for artifact, expected in ((bert.artifact, "float16"), (reweighted(copy, huge), "bfloat16")):
        model = load_model(artifact)
        assert torch_backend._precision("auto", torch.device("cuda"), model) == expected
        assert torch_backend._precision("auto", torch.device("cpu"), model) == "float32"


def test_a_full_device_is_an_ordinary_error_and_its_memory_is_given_back(bert, monkeypatch):
    backend = TorchBackend(bert.artifact, device="cpu")
    batch, emptied = pad(windows([4, 9]), 0), []
    expected = backend.run(*batch)

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with monkeypatch.context() as patch:
        patch.setattr(backend._model, "forward", full)
        patch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(sys.exc_info()[0]))
        with pytest.raises(MemoryError, match="no room for 2 windows of 9 tokens: CUDA out of"):
            backend.run(*batch)
    assert emptied == [None]  # not while the error still holds the tensors of the call
    np.testing.assert_array_equal(backend.run(*batch), expected)


def test_torch_is_imported_by_this_backend_alone():
    code = (
        "import sys, function.backends.choice, function.backends.weights; "
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0
