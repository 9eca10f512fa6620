"""Import tricks that shorten the first answer of a Lambda."""

import gc
import os
import sys
from types import ModuleType
from typing import Any

# What FastAPI imports of OpenTelemetry, to trace requests; `api.app` switches that off.
TRACING = ("", "._logs", ".context", ".metrics", ".propagate", ".propagators.textmap", ".trace")
# Modules that others import for names that no route needs: numpy's docstrings, types and pickles,
# tokenizers to train, searches of installed packages, types that no model has, limits of threads,
# debugging pages, cookies, forms, streams of events, FastAPI's own forms of authentication, and the
# pages and the 65 pydantic models of the OpenAPI document.
UNUSED = (
    "numpy._core._add_newdocs",
    "numpy._core._add_newdocs_scalars",
    "numpy._typing",
    "pickle",
    "tokenizers.implementations",
    "importlib.metadata",
    "fractions",
    "zoneinfo",
    "pydantic.color",
    "pydantic.networks",
    "anyio._core._synchronization",
    "html",
    "http.cookies",
    "starlette.formparsers",
    "fastapi.sse",
    "fastapi.security.api_key",
    "fastapi.security.http",
    "fastapi.security.oauth2",
    "fastapi.security.open_id_connect_url",
    "fastapi.openapi.docs",
    "fastapi.openapi.models",
)
DOCUMENT = "fastapi.openapi.utils"  # makes that document, of those models
TYPE_DOCS = "numpy._typing._add_docstring"  # adds a list to a docstring


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


def _get_openapi(**arguments: Any) -> dict[str, Any]:
    """Return an OpenAPI document; imports FastAPI's models of it."""
    from fastapi.openapi.utils import get_openapi

    return get_openapi(**arguments)


def _stand_in(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


_ABSENT = _stand_in("absent", __getattr__=lambda name: getattr(Absent, name))
_STAND_INS = {
    **dict.fromkeys(UNUSED, _ABSENT),
    TYPE_DOCS: _stand_in(TYPE_DOCS, _docstrings=""),
    DOCUMENT: _stand_in(DOCUMENT, get_openapi=_get_openapi),
}


def skip_imports() -> None:
    """Skip imports that no answer needs, and speed up the others, until `end_start`.

    Call it before anything imports numpy, pydantic or FastAPI.
    """
    # Imports leave nothing to collect, and searching them for it costs a tenth of the start.
    gc.disable()
    # A thread that reads files needs Python's lock at every step. An importing thread releases
    # it after this interval, by default 5 ms.
    sys.setswitchinterval(0.0002)
    # Threads of numpy's linear algebra spin for 20 ms before they sleep, and have nothing to do.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Pydantic would search every installed package for plug-ins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI tests whether a model is of pydantic 1, and takes its absence for a no.
    sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]
    if "opentelemetry" not in sys.modules:  # a Lambda layer may have brought it
        sys.modules.update({f"opentelemetry{name}": _ABSENT for name in TRACING})
    for name, stand_in in _STAND_INS.items():
        sys.modules.setdefault(name, stand_in)


def end_start() -> None:
    """Exclude everything loaded so far from garbage collection, and undo `skip_imports`' tuning.

    Call it once everything is loaded: those objects stay, so no collection has to traverse them.
    What was skipped can be imported again.
    """
    for name, stand_in in _STAND_INS.items():
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
    sys.setswitchinterval(0.005)
    gc.enable()
    gc.freeze()
