"""Which backend serves which model, on a server that may have a GPU."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.errors import ConfigurationError, UnsupportedArchitectureError

LOG = logging.getLogger("evergreen")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # NVIDIA's driver on Linux, and under Windows' WSL
TORCH_PACKAGES = ("torch", "transformers", "safetensors")

Wanted = Literal["auto", "onnx", "torch"]
Open = Callable[[Artifact], Backend]


class BackendChoice:
    """Opens artifacts with torch where that is wanted and can serve them, else with ONNX Runtime.

    `auto` wants torch where there is a GPU: on a CPU ONNX Runtime is faster.
    """

    def __init__(self, wanted: Wanted, open_torch: Open, threads: int) -> None:
        """Raises ConfigurationError where torch is asked for and not installed."""
        missing = [name for name in TORCH_PACKAGES if find_spec(name) is None]
        if wanted == "torch" and missing:
            raise ConfigurationError(
                f"BACKEND: torch needs packages that are not installed: {', '.join(missing)}; "
                "take the GPU image, or BACKEND=onnx"
            )
        self._gpu = any(Path(device).exists() for device in GPU_DEVICES)
        self._torch = wanted == "torch" or (wanted == "auto" and not missing and self._gpu)
        self._open_torch, self._threads = open_torch, threads
        self._on_gpu: set[str] = set()

    def open(self, artifact: Artifact) -> Backend:
        """See `core.catalog.LoadBackend`. Raises ArtifactError."""
        name = artifact.manifest.model
        if self._torch:
            try:
                backend = self._open_torch(artifact)
            except UnsupportedArchitectureError as error:
                LOG.warning("%s is served by ONNX Runtime: %s", name, error)
            else:
                LOG.info("%s is served by torch", name)
                if self._gpu:
                    self._on_gpu.add(name)
                return backend
        return OnnxBackend(artifact, self._threads)

    def on_gpu(self, model: str) -> bool:
        """Whether an opened model runs on a GPU."""
        return model in self._on_gpu
