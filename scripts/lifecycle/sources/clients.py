"""Clients of hubs and trackers: imported where they are used, their errors in one line."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from function.core.errors import EvergreenError
from scripts.common.errors import MissingExtraError, SourceError

MOST_CHARACTERS = 300


def load_client(module: str, *packages: str) -> Any:
    """Import a client that need not be installed. Raises MissingExtraError naming its packages."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        names = " ".join(f"'{package}'" for package in packages)
        raise MissingExtraError(
            f"{module} is not installed, which this source is read with: pip install {names}"
        ) from error


@contextmanager
def client_errors(source: str, explain: Callable[[Exception], str | None]) -> Iterator[None]:
    """Turn whatever a client raises into a SourceError that names the source and the cause.

    explain: the cause in plain words; None leaves the client's own.
    """
    try:
        yield
    except EvergreenError:
        raise
    except Exception as error:  # clients let errors of their HTTP library and database through
        cause = explain(error) or f"{type(error).__name__}: {one_line(error)}"
        raise SourceError(f"{source}: {cause}") from error


def one_line(error: BaseException) -> str:
    """An error's message without line breaks, cut where it goes on and on."""
    return " ".join(str(error).split())[:MOST_CHARACTERS]
