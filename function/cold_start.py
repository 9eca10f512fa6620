"""Import tricks that shorten the first answer of a Lambda."""

import gc
import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What FastAPI imports of OpenTelemetry, to trace requests; `api.app` switches that off.
TRACING = ("", "._logs", ".context", ".metrics", ".propagate", ".propagators.textmap", ".trace")
# Modules that others import for names that no usual answer needs.
UNUSED = (
    # numpy's docstrings, types, linear algebra and files; pickles; tokenizers to train
    "numpy._core._add_newdocs",
    "numpy._core._add_newdocs_scalars",
    "numpy._core._dtype_ctypes",
    "numpy._core._internal",
    "numpy._typing",
    "numpy.lib._arrayterator_impl",
    "numpy.lib._datasource",
    "numpy.lib.format",
    "numpy.lib.mixins",
    "numpy.linalg",
    "numpy.typing",
    "pickle",
    "tokenizers.implementations",
    # searches of installed packages; types, checks, signatures and names that no model has
    "importlib.metadata",
    "pydantic._internal._docs_extraction",
    "pydantic._internal._signature",
    "pydantic._internal._validators",
    "pydantic.aliases",
    "pydantic.color",
    "pydantic.networks",
    # event loops, tasks and locks of threads; other invokers than API Gateway
    "anyio",
    "anyio.abc",
    "anyio.to_thread",
    "mangum.handlers.alb",
    "mangum.handlers.lambda_at_edge",
    "mangum.protocols.lifespan",
    # dates of files, reasons of refusals, debugging pages, cookies, forms, streams, sockets
    "email.utils",
    "html",
    "http.client",
    "http.cookies",
    "starlette.concurrency",
    "starlette.middleware.base",
    "fastapi.concurrency",
    "fastapi.encoders",
    # FastAPI's own forms of authentication; with `SecurityScopes`, take the last out
    "fastapi.security.api_key",
    "fastapi.security.http",
    "fastapi.security.open_id_connect_url",
    "fastapi.security.oauth2",
    # the pages and the 65 pydantic models of the OpenAPI document
    "fastapi.openapi.docs",
    "fastapi.openapi.models",
    "fastapi.openapi.utils",
)
TYPE_DOCS = "numpy._typing._add_docstring"  # adds a list to a docstring


class _AnyName(type):
    """Class of `Absent`, which has every attribute: itself."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Absent(metaclass=_AnyName):
    """Stand-in for whatever a module that is not there defines: a class, a function, a key."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take any arguments."""

    def __class_getitem__(cls, _: Any) -> Any:
        return cls


class _Late:
    """Stand-in that imports what it stands for when somebody uses it, not where types name it."""

    def __init__(self, module: str, find: Callable[[ModuleType], Any]) -> None:
        self._module, self._find = module, find

    def _real(self) -> Any:
        _SKIPPED.release(self._module)
        return self._find(import_module(self._module))

    def _is_imported(self) -> bool:
        return not isinstance(sys.modules.get(self._module), (_StandIn, type(None)))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: Any) -> bool:
        return self._is_imported() and isinstance(instance, self._real())

    def __subclasscheck__(self, other: Any) -> bool:
        return self._is_imported() and issubclass(other, self._real())

    def __mro_entries__(self, _: Any) -> tuple[Any]:
        return (self._real(),)

    def __get_pydantic_core_schema__(self, _: Any, handler: Any) -> Any:
        return handler.generate_schema(self._real())

    def __getitem__(self, key: Any) -> "_Late":
        return _Late(self._module, lambda module: self._find(module)[key])

    def __or__(self, other: Any) -> "_Late":
        return _Late(self._module, lambda module: self._find(module) | other)

    def __ror__(self, other: Any) -> "_Late":
        return _Late(self._module, lambda module: other | self._find(module))


class _StandIn(ModuleType):
    """Module in place of one that is imported when somebody uses it."""

    _docstrings = ""  # of TYPE_DOCS

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        needed = name.endswith(("Error", "Exception"))  # as it is, by the `except` that names it
        if sys.modules.get(self.__name__) is self and not needed:
            return _Late(self.__name__, lambda module: getattr(module, name))
        _SKIPPED.release(self.__name__)
        return getattr(import_module(self.__name__), name)


class _Skipped:
    """Finder and loader of stand-ins."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {*names}

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name not in self._names:
            return None
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""

    def release(self, *names: str) -> None:
        """Have modules imported from now on; all of them if none is named."""
        for name in names or [*self._names]:
            self._names.discard(name)
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]


_SKIPPED = _Skipped([*UNUSED, TYPE_DOCS])


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
        absent = ModuleType("opentelemetry")
        absent.__getattr__ = lambda name: getattr(Absent, name)  # type: ignore[method-assign]
        sys.modules.update({f"opentelemetry{name}": absent for name in TRACING})
    sys.meta_path.insert(0, _SKIPPED)


def end_start() -> None:
    """Exclude everything loaded so far from garbage collection, and undo `skip_imports`' tuning.

    Call it once everything is loaded: those objects stay, so no collection has to traverse them.
    What was skipped is imported when something uses it, save tracing.
    """
    _SKIPPED.release()
    sys.setswitchinterval(0.005)
    gc.enable()
    gc.freeze()
