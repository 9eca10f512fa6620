"""Import tricks that shorten the first answer of a Lambda."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

# What FastAPI imports of OpenTelemetry, to trace requests; `api.app` switches that off.
TRACING = ("", "._logs", ".context", ".metrics", ".propagate", ".propagators.textmap", ".trace")


class _AnyName(type):
    """Class of `Absent`, which has every attribute: itself."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Absent(metaclass=_AnyName):
    """Stand-in for whatever a module that was not imported defines: a class, a function, a key."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """Take any arguments."""

    def __class_getitem__(cls, _: Any) -> Any:
        return cls


def skip_imports() -> None:
    """Skip imports that no answer needs, and speed up the others.

    Call it before anything imports pydantic or FastAPI.
    """
    # Imports leave nothing to collect, and searching them for it costs a tenth of the start.
    gc.disable()
    # A thread that reads files needs Python's lock at every step. An importing thread releases
    # it after this interval, by default 5 ms.
    sys.setswitchinterval(0.0002)
    # Pydantic would search every installed package for plug-ins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI tests whether a model is of pydantic 1, and takes its absence for a no.
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]
    if "opentelemetry" not in sys.modules:  # a Lambda layer may have brought it
        absent = ModuleType("opentelemetry")
        absent.__getattr__ = lambda name: getattr(Absent, name)  # type: ignore[method-assign]
        sys.modules.update({f"opentelemetry{name}": absent for name in TRACING})


@contextmanager
def defer_model_builds() -> Iterator[None]:
    """Compile pydantic models that are defined in this context on their first use.

    FastAPI defines the 65 models of the OpenAPI document on import. Only `/docs` uses them.
    """
    from pydantic import BaseModel, ConfigDict

    usual = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    try:
        yield
    finally:
        BaseModel.model_config = usual


def freeze_gc_and_reset_switching() -> None:
    """Exclude everything loaded so far from garbage collection, and undo `skip_imports`' tuning.

    Call it once everything is loaded: those objects stay, so no collection has to traverse them.
    """
    sys.setswitchinterval(0.005)
    gc.enable()
    gc.freeze()
