import logging

import pytest

from function.backends import choice as choices
from function.backends.choice import BackendChoice
from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.errors import ArtifactError, SettingsError, UnsupportedArchitectureError


class Torch:
    def __init__(self, device):
        self.device = device


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """A machine with a driver."""
    monkeypatch.setattr(choices, "GPU_DEVICES", [str(tmp_path)])


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(choices, "GPU_DEVICES", ["/nowhere/nvidiactl"])


def on_torch(artifact, device):
    return Torch(device or "cpu")


def unsupported(artifact, device):
    raise UnsupportedArchitectureError("an LSTM")


def no_cuda(artifact, device):
    raise SettingsError("torch sees 0 GPUs")


def damaged(artifact, device):
    raise ArtifactError("model.safetensors")


def opened(wanted, open_torch, artifact):
    choice = BackendChoice(wanted, open_torch, threads=1)
    return choice.open(open_artifact(artifact)), choice.on_gpu("sentiment")


def test_auto_takes_torch_where_there_is_a_gpu(gpu, artifact):
    backend, on_gpu = opened("auto", on_torch, artifact)
    assert (backend.device, on_gpu) == ("cuda", True)


def test_auto_takes_onnx_where_there_is_none(no_gpu, artifact):
    backend, on_gpu = opened("auto", on_torch, artifact)
    assert isinstance(backend, OnnxBackend)
    assert not on_gpu


def test_auto_takes_onnx_and_logs_it_where_torch_cannot_use_the_gpu(gpu, artifact, caplog):
    backend, on_gpu = opened("auto", no_cuda, artifact)
    assert isinstance(backend, OnnxBackend)
    assert not on_gpu
    assert "torch sees 0 GPUs" in caplog.text


def test_torch_can_be_asked_for_on_a_cpu(no_gpu, artifact):
    backend, on_gpu = opened("torch", on_torch, artifact)
    assert (backend.device, on_gpu) == ("cpu", False)


def test_onnx_can_be_asked_for_on_a_machine_with_a_gpu(gpu, artifact):
    backend, on_gpu = opened("onnx", on_torch, artifact)
    assert isinstance(backend, OnnxBackend)
    assert not on_gpu


@pytest.mark.parametrize("wanted", ["auto", "torch"])
def test_what_torch_cannot_serve_is_served_by_onnx_and_logged(gpu, artifact, caplog, wanted):
    with caplog.at_level(logging.WARNING):
        backend, on_gpu = opened(wanted, unsupported, artifact)
    assert isinstance(backend, OnnxBackend)
    assert not on_gpu
    assert "sentiment is served by ONNX Runtime: an LSTM" in caplog.text


def test_a_damaged_artifact_is_an_error_and_no_reason_for_another_backend(gpu, artifact):
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        opened("auto", damaged, artifact)


def test_torch_asked_for_but_not_installed_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(choices, "TORCH_PACKAGES", ["torch", "no_such_package"])
    with pytest.raises(SettingsError, match=r"BACKEND: .*no_such_package"):
        BackendChoice("torch", on_torch, threads=1)
