"""The function's real handler over the tiny artifact, as a Lambda of some configuration."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tiny import CASCADE, write_artifact

CONTEXT = SimpleNamespace(aws_request_id="1", function_name="f", memory_limit_in_mb=1769)
Handler = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def started(folder: Path, **environment: str) -> Iterator[Handler]:
    """A handler that has just been imported. environment: variables next to MODELS_DIR."""
    write_artifact(folder / "sentiment", cascade=CASCADE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(folder))
        # The handler leaves these out of a Lambda's start; other tests want them as they were.
        patch.setenv("PYDANTIC_DISABLE_PLUGINS", "")
        patch.setenv("OPENBLAS_NUM_THREADS", "")
        patch.setitem(sys.modules, "pydantic.v1", sys.modules.get("pydantic.v1"))
        for name, value in environment.items():
            patch.setenv(name, value)
        sys.modules.pop("function.lambda_handler", None)
        module = importlib.import_module("function.lambda_handler")
        try:
            yield lambda event: module.handler(event, CONTEXT)
        finally:
            sys.modules.pop("function.lambda_handler", None)
