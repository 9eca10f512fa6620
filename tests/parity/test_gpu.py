"""What only a GPU can show: half precision on its own kernels, and what happens when it is full."""

import numpy as np
import pytest
import torch
from transformers import BertConfig

from function.backends.torch_backend import TorchBackend
from function.core.backend import pad, run_in_batches
from tests.unit.backends.exported import MAX_TOKENS, SHAPE, windows, write_exported

pytestmark = pytest.mark.gpu

# float16 loses half a thousandth of a number, bfloat16 eight times that; logits are below 2.
TOLERANCE = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 8e-2}


@pytest.fixture(scope="module", autouse=True)
def device():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device, and torch sees none")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu") / "artifact"
    return write_exported(folder, BertConfig(**SHAPE, pad_token_id=0)).artifact


def test_a_gpu_is_taken_where_there_is_one_and_answers_in_float16(artifact):
    backend = TorchBackend(artifact)
    assert (torch.device(backend.device).type, backend.precision) == ("cuda", "float16")


@pytest.mark.parametrize("precision", TOLERANCE)
def test_it_answers_as_the_cpu_does(artifact, precision):
    batch = pad(windows([2, MAX_TOKENS, 9, 9]), 0)
    expected = TorchBackend(artifact, device="cpu").run(*batch)
    logits = TorchBackend(artifact, device="cuda", precision=precision).run(*batch)
    assert logits.dtype == np.float32
    assert np.abs(logits - expected).max() < TOLERANCE[precision]


@pytest.mark.parametrize("head", ["argmax", "embedding"])
def test_outputs_of_tokens_are_those_of_the_cpu(tmp_path, head):
    config = BertConfig(**SHAPE, pad_token_id=0)
    tokens = write_exported(tmp_path / "artifact", config, head=head).artifact
    texts = windows([2, MAX_TOKENS, 9])
    expected, found = (
        run_in_batches(TorchBackend(tokens, device=device), texts, 0, batch_tokens=1000)
        for device in ("cpu", "cuda")
    )
    for cpu, gpu in zip(expected, found, strict=True):
        assert np.corrcoef(cpu.ravel(), gpu.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("precision", TOLERANCE)
def test_padding_moves_no_more_than_the_precision_allows(artifact, precision):
    backend = TorchBackend(artifact, device="cuda", precision=precision)
    texts = windows([2, 5, 17, MAX_TOKENS])
    alone = np.concatenate([backend.run(*pad([text], 0)) for text in texts])
    assert np.abs(backend.run(*pad(texts, 0)) - alone).max() < TOLERANCE[precision]


def test_a_batch_that_does_not_fit_is_an_error_after_which_a_smaller_one_fits(artifact):
    backend = TorchBackend(artifact, device="cuda", precision="float32")
    one = pad(windows([MAX_TOKENS]), 0)
    expected = backend.run(*one)
    many = tuple(np.repeat(part, 100_000, axis=0) for part in one)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**28) / total)
    try:
        with pytest.raises(MemoryError, match="no room for 100000 windows"):
            backend.run(*many)
        np.testing.assert_array_equal(backend.run(*one), expected)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
