"""Figures to files, and back from the files of another run."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from scripts.benchmark.gpu_results import GpuResults
from scripts.benchmark.results import Results
from scripts.common.errors import CommandError

NUMBERS = re.compile(r"\[\s+([-+.\de]+(?:,\s+[-+.\de]+)*)\s+\]")


def write(path: Path, content: str) -> None:
    """Text to a file in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def as_json(results: Results | GpuResults) -> str:
    """Indented, save for lists of numbers: of each round, all answers' times stand on one line."""
    indented = json.dumps(asdict(results), indent=1)
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", indented) + "\n"


def read_gpu(path: Path) -> GpuResults | None:
    """The figures that another run found on a GPU; None where there is no such file.

    Raises CommandError.
    """
    if not path.exists():
        return None
    try:
        return TypeAdapter(GpuResults).validate_json(path.read_bytes())
    except ValueError as error:
        raise CommandError(f"{path}: no figures of a GPU, make them anew: {error}") from error
