"""What most tests start from: the tiny artifact, and the bundled model where a test needs it."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.catalog import Catalog
from function.core.predictor import Predictor, load_predictor
from scripts.common import isolation
from tests.commands import REPOSITORY
from tests.tiny import write_artifact

# Tests that run at the same time share the cores; torch would take all of them, several times.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _isolated_calls_stay_in_this_process() -> None:
    """A child for each judgement would import its libraries again; test_isolation starts them."""

    def call(subject: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return json.loads(json.dumps(function(*arguments)))

    isolation.call_isolated = call


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A tiny artifact's folder, free to be damaged."""
    return write_artifact(tmp_path / "models" / "sentiment")


@pytest.fixture
def make_predictor(tmp_path: Path) -> Callable[..., Predictor]:
    """Build a predictor over a tiny artifact with other settings."""

    def make(max_request_windows: int = 1000, **settings: object) -> Predictor:
        folder = write_artifact(tmp_path / f"a{len(list(tmp_path.iterdir()))}", **settings)  # type: ignore[arg-type]
        return load_predictor(
            open_artifact(folder), lambda opened: OnnxBackend(opened, 1), max_request_windows
        )

    return make


@pytest.fixture
def catalog(artifact: Path) -> Catalog:
    """A catalog of the tiny artifact, not loaded yet."""
    return Catalog(artifact.parent, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Models this small are slower on two threads, and torch logs more than it computes."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def bundled_models() -> Path:
    """Where the production models of `registry/` were pulled to."""
    folder = REPOSITORY / os.environ.get("MODELS_DIR", "build/models")
    if not (folder / "sentiment" / "manifest.json").exists():
        pytest.fail("the bundled model is not there: run the tests with 'make test'")
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets, which are no part of the repository."""
    folder = os.environ.get("EVERGREEN_DATA")
    if not folder:
        pytest.skip("needs real data: set EVERGREEN_DATA to a folder with imdb/ and sst2/")
    return Path(folder)
