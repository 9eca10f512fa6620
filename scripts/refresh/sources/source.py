"""Protocol of a source of models, and what its clients share."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from function.core.errors import EvergreenError
from function.core.manifest import MANIFEST
from scripts.common.errors import MissingExtraError, SourceError, one_line
from scripts.refresh.checkpoint import CONFIG


@dataclass(frozen=True)
class Revision:
    """One immutable state of a source."""

    source: str  # as it was named, without its revision
    revision: str  # the commit, digest or version that pins it

    def __str__(self) -> str:
        return f"{self.source}@{self.revision}"


class Source(Protocol):
    """A source that a model is pulled from."""

    def newest(self) -> Revision | None:
        """Return the newest revision, None without one. Loads no weights. Raises SourceError."""

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """Download a revision into an empty folder. Raises SourceError.

        Returns the folder of the artifact (it has a manifest) or of the transformers checkpoint (it
        has a `config.json`): `folder`, or one below.
        """


class AddressedSource(Source, Protocol):
    """A source that `open_source` makes of an address.

    variables: the environment variables that its client reads, which refresh-model.yml hands over.
    """

    variables: ClassVar[tuple[str, ...]]

    def __init__(self, address: str) -> None: ...


def find_model(folder: Path, source: str) -> Path:
    """Return the one folder, this or below, of an artifact or else of a checkpoint.

    Raises SourceError where there is none, or more than one.
    """
    found = _folders_of(folder, MANIFEST) or [
        path for path in _folders_of(folder, CONFIG) if any(path.glob("*.safetensors"))
    ]
    # Without weights it cannot be imported, and what refuses it says why.
    found = found or _folders_of(folder, CONFIG)
    if not found:
        raise SourceError(f"{source}: holds neither a {MANIFEST} nor a {CONFIG}")
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise SourceError(f"{source}: holds several models ({names}); keep one in each version")
    return found[0]


def _folders_of(folder: Path, name: str) -> list[Path]:
    return sorted(path.parent for path in folder.rglob(name))


def load_client(module: str) -> Any:
    """Import a client that need not be installed. Raises MissingExtraError where it is not."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module} is not installed, which this source is read with: run 'make tools', which "
            "installs it, then this again"
        ) from error


@contextmanager
def client_errors(source: str, explain: Callable[[Exception], str | None]) -> Iterator[None]:
    """Turn whatever a client raises into a SourceError that names the source and the cause.

    `explain` puts the cause in plain words; None leaves the client's own.
    """
    try:
        yield
    except EvergreenError:
        raise
    except Exception as error:  # clients let errors of their HTTP library and database through
        cause = explain(error) or f"{type(error).__name__}: {one_line(error)}"
        raise SourceError(f"{source}: {cause}") from error
