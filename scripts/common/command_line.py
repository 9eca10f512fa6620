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

SUMMARY = "GITHUB_STEP_SUMMARY"
OURS = ("function", "infra", "scripts", "tests")
# The make target that installs a package; `make tools` installs all others.
TARGETS = {
    **dict.fromkeys(
        ("fastapi", "numpy", "onnxruntime", "pydantic", "safetensors", "tokenizers"), "make run"
    ),
    **dict.fromkeys(("charset_normalizer", "pyarrow", "tqdm"), "make data"),
    **dict.fromkeys(("aws_cdk", "boto3", "botocore", "constructs"), "make synth"),
}
_missing: list[MissingExtraError] = []


def add_to_summary(markdown: str) -> None:
    """Append to the summary page of a GitHub job; do nothing outside of one."""
    path = os.environ.get(SUMMARY)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{markdown.rstrip()}\n\n")


def run(command: Callable[[], None]) -> None:
    """Run a command's main function and exit with 0 done, 1 failed, 2 wrong usage, 3 refused.

    A package that is not installed is wrong usage; the error names the make target to run.
    """
    try:
        with _reporting_missing():
            command()
    except (EvergreenError, OSError) as error:
        message = str(error)
        if isinstance(error, OSError) and error.filename:
            message = f"{error.filename}: {error.strerror}"
        print(f"error: {message}", file=sys.stderr)
        add_to_summary(f"```text\nerror: {message}\n```")  # a failed canary's alarm, say
        sys.exit(error.exit_code if isinstance(error, CommandError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def needing(target: str) -> Iterator[None]:
    """Wrap the imports at the top of a command, all of whose packages a make target installs.

    The parser reports one that is missing, once the arguments are read: `--help` and wrong
    arguments are answered without it.
    """
    try:
        with _reporting_missing(target):
            yield
    except MissingExtraError as error:
        _missing.append(error)


@contextmanager
def _reporting_missing(target: str | None = None) -> Iterator[None]:
    """Raise MissingExtraError where a package is not installed.

    A module of our own that is missing, or a part of a package, is a defect and stays as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = error.name
        if package is None or package in OURS or "." in package:
            raise
        raise MissingExtraError(
            f"{package} is not installed: run '{target or TARGETS.get(package, 'make tools')}', "
            "which installs it, then this again"
        ) from error


class _CommandParser(argparse.ArgumentParser):
    """A parser that ends with an error where `needing` found a package missing."""

    def parse_args(self, *args: Any, **options: Any) -> Any:
        arguments = super().parse_args(*args, **options)
        if _missing:
            raise _missing[0]
        return arguments


def command_parser(
    module: str, description: str | None, *, outputs: str = ""
) -> argparse.ArgumentParser:
    """Return the parser of a command, which may append `outputs` with `write_outputs`."""
    parser = _CommandParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if outputs:
        what = f"append {outputs}, as outputs of a GitHub job"
        parser.add_argument("--outputs", type=Path, metavar="FILE", help=what)
    return parser


def registry_parser(
    module: str, description: str | None, *, outputs: str = ""
) -> argparse.ArgumentParser:
    """Return the parser of a command that works on a registry."""
    parser = command_parser(module, description, outputs=outputs)
    parser.add_argument(
        "--registry", required=True, metavar="LOCATION", help="a directory, or s3://bucket/prefix"
    )
    return parser


def stage_parser(
    module: str,
    description: str | None,
    *,
    stages: str = "one of infra/stages.py",
    outputs: str = "",
) -> argparse.ArgumentParser:
    """Return the parser of a command that works on a stage, of those that `stages` describes."""
    parser = command_parser(module, description, outputs=outputs)
    parser.add_argument("--stage", required=True, help=stages)
    return parser


def write_json(document: object, path: Path | None) -> None:
    """Write a result to a file, if one was asked for, and make its folder."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
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
