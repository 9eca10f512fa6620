"""Which backend serves which model, on a server that may have a GPU."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.errors import ConfigurationError, UnsupportedArchitectureError

LOG = logging.getLogger("evergreen")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # NVIDIA's driver on Linux, and under Windows' WSL
TORCH_PACKAGES = ("torch", "transformers", "safetensors")

Wanted = Literal["auto", "onnx", "torch"]


class PlacedBackend(Backend, Protocol):
    """A backend that knows where it runs. device: as torch names it."""

    device: str


class BackendChoice:
    """Opens artifacts with torch where that is wanted and can serve them, else with ONNX Runtime.

    `auto` wants torch on a GPU: on a CPU ONNX Runtime is faster.
    """

    def __init__(
        self,
        wanted: Wanted,
        open_torch: Callable[[Artifact, str | None], PlacedBackend],
        threads: int,
    ) -> None:
        """open_torch: takes the device, or None for whatever is there. threads: of ONNX Runtime.

        Raises ConfigurationError where torch is asked for and not installed.
        """
        missing = [name for name in TORCH_PACKAGES if find_spec(name) is None]
        if wanted == "torch" and missing:
            raise ConfigurationError(
                f"BACKEND: torch needs packages that are not installed: {', '.join(missing)}; "
                "take the GPU image, or BACKEND=onnx"
            )
        gpu = any(Path(device).exists() for device in GPU_DEVICES)
        self._torch = wanted == "torch" or (wanted == "auto" and not missing and gpu)
        self._device = None if wanted == "torch" else "cuda"
        self._open_torch, self._threads = open_torch, threads
        self._on_gpu: set[str] = set()

    def open(self, artifact: Artifact) -> Backend:
        """See `core.catalog.LoadBackend`. Raises ArtifactError."""
        name = artifact.manifest.model
        if self._torch:
            try:
                backend = self._open_torch(artifact, self._device)
            except UnsupportedArchitectureError as error:
                LOG.warning("%s is served by ONNX Runtime: %s", name, error)
            except ConfigurationError as error:
                if self._device is None:
                    raise
                LOG.warning("%s is served by ONNX Runtime, for want of a GPU: %s", name, error)
            else:
                LOG.info("%s is served by torch on %s", name, backend.device)
                if backend.device != "cpu":
                    self._on_gpu.add(name)
                return backend
        return OnnxBackend(artifact, self._threads)

    def on_gpu(self, model: str) -> bool:
        """Whether an opened model runs on a GPU."""
        return model in self._on_gpu
