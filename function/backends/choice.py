"""Choice of each model's backend, on a server that may have a GPU."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.errors import SettingsError, UnsupportedArchitectureError

LOG = logging.getLogger("evergreen")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # NVIDIA's driver on Linux, and on Windows' WSL
TORCH_PACKAGES = ("torch", "transformers", "safetensors")

BackendPreference = Literal["auto", "onnx", "torch"]


class DeviceBackend(Backend, Protocol):
    """Backend whose `device` is a name of torch's."""

    device: str


class BackendChoice:
    """Opener of artifacts: with torch if preferred and able to serve them, else ONNX Runtime.

    `auto` prefers torch on a GPU only: on a CPU ONNX Runtime is faster.
    """

    def __init__(
        self,
        preference: BackendPreference,
        open_torch: Callable[[Artifact, str | None], DeviceBackend],
        threads: int,
    ) -> None:
        """Decide whether to try torch; raises SettingsError if named but not installed.

        `open_torch` opens an artifact on a device; None picks the device. `threads` are the cores
        of one call of ONNX Runtime.
        """
        missing = [name for name in TORCH_PACKAGES if find_spec(name) is None]
        if preference == "torch" and missing:
            raise SettingsError(
                f"BACKEND: torch needs packages that are not installed: {', '.join(missing)}; "
                "take the GPU image, or BACKEND=onnx"
            )
        gpu = any(Path(device).exists() for device in GPU_DEVICES)
        self._torch = preference == "torch" or (preference == "auto" and not missing and gpu)
        self._device = None if preference == "torch" else "cuda"
        self._open_torch, self._threads = open_torch, threads
        self._on_gpu: set[str] = set()

    def open(self, artifact: Artifact) -> Backend:
        """Open an artifact's graph; raises ArtifactError if a file cannot be used."""
        name = artifact.manifest.model
        if self._torch:
            try:
                backend = self._open_torch(artifact, self._device)
            except UnsupportedArchitectureError as error:
                LOG.warning("%s is served by ONNX Runtime: %s", name, error)
            except SettingsError as error:
                if self._device is None:
                    raise
                LOG.warning("%s is served by ONNX Runtime, without a GPU: %s", name, error)
            else:
                LOG.info("%s is served by torch on %s", name, backend.device)
                if backend.device != "cpu":
                    self._on_gpu.add(name)
                return backend
        return OnnxBackend(artifact, self._threads)

    def on_gpu(self, model: str) -> bool:
        """Return whether an opened model runs on a GPU."""
        return model in self._on_gpu
