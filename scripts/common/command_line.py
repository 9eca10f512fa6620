"""Shared parts of every command: arguments in, an exit code out, errors as one line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from function.core.errors import EvergreenError
from scripts.common.errors import CommandError, MissingExtraError

VARIABLE = "GITHUB_STEP_SUMMARY"


def add_to_summary(markdown: str) -> None:
    """Append to the summary page of a GitHub job; do nothing outside of one."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{markdown.rstrip()}\n\n")


def run(command: Callable[[], None]) -> None:
    """Run a command's main function and exit with 0 done, 1 failed, 2 wrong usage, 3 refused."""
    try:
        command()
    except EvergreenError as error:
        print(f"error: {error}", file=sys.stderr)
        add_to_summary(f"```text\nerror: {error}\n```")  # a failed canary's alarm, say
        sys.exit(error.exit_code if isinstance(error, CommandError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def needing(target: str) -> Iterator[None]:
    """Wrap imports, and calls that import, of packages that the server does not need.

    Raises MissingExtraError where one is not installed, with the make target that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise MissingExtraError(
            f"{package} is not installed: run '{target}', which installs it, then this again"
        ) from error


def registry_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a command that works on a registry."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument(
        "--registry", required=True, metavar="LOCATION", help="a directory, or s3://bucket/prefix"
    )
    return parser


def write_json(document: object, path: Path | None) -> None:
    """Write a result to a file, if one was asked for."""
    if path:
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_outputs(path: Path | None, values: Mapping[str, str]) -> None:
    """Append `name=value` lines for the later steps of a GitHub job, if a file was named.

    Raises ValueError, and writes nothing, for a value of more than one line, whose rest would be
    read as outputs of its own.
    """
    if path is None:
        return
    lines = [f"{name}={value}" for name, value in values.items()]
    if any(line.splitlines() != [line] for line in lines):
        raise ValueError(f"outputs are single lines, and not {values}")
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a plain-text table, its columns as wide as their content."""
    lines = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
