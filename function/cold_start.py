"""What a Lambda's first answer can do without, left out of the imports that come before it."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def leave_out() -> None:
    """Call before anything imports pydantic or FastAPI."""
    # Among imports there is nothing to collect, and looking for it costs a tenth of the start.
    gc.disable()
    # A thread that reads files asks for Python's lock at every step, and by default an importing
    # thread gives it up 5 ms later.
    sys.setswitchinterval(0.0002)
    # Would look through every installed package for plug-ins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI asks whether a model is of pydantic 1, and takes its absence for a no.
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]


@contextmanager
def models_built_on_first_use() -> Iterator[None]:
    """pydantic models that are defined inside are compiled when they are first used.

    FastAPI defines those of the OpenAPI document when it is imported, 65 of them; they are used
    where somebody opens `/docs`.
    """
    from pydantic import BaseModel, ConfigDict

    usual = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    try:
        yield
    finally:
        BaseModel.model_config = usual


def settle() -> None:
    """Call when everything is loaded: what is there now stays, so no collection walks it again."""
    sys.setswitchinterval(0.005)
    gc.enable()
    gc.freeze()
