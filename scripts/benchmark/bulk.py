"""Section 4: rows a second that `scripts.score` writes to a file, beside the session alone."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.benchmark.figures import Spread
from scripts.benchmark.plan import REPOSITORY, Plan, Subject
from scripts.benchmark.processes import WORK_SECONDS
from scripts.benchmark.standing import standing
from scripts.common.errors import CommandError
from scripts.common.progress import Progress

RATE = re.compile(r"rows in .* s, ([0-9.]+) a second")


@dataclass(frozen=True)
class BulkRound:
    """Texts a second, one after the other: the session alone, before and after, and the command,
    reading, cutting into tokens and keeping what it has done, but for loading the model."""

    backend: float
    command: float


@dataclass(frozen=True)
class Bulk:
    """rows: of the file."""

    rows: int
    rounds: list[BulkRound]

    @property
    def shares(self) -> Spread:
        """The command over the session alone."""
        return Spread.of([each.command / each.backend for each in self.rounds])


def measure(subject: Subject, plan: Plan, texts: Sequence[str], best: str) -> Bulk:
    """texts: as dealt; the file holds them again and again. best: the session's fastest batch."""
    job = {"model": str(subject.model), "threads": subject.settings.threads, "texts": texts}
    rounds = []
    with (
        TemporaryDirectory() as scratch,
        standing("scripts.benchmark.backend_alone", job, {}) as backend,
        Progress("bulk, rounds", plan.rounds) as progress,
    ):

        def alone(start: int) -> float:
            asked = {"batches": [best], "start": start, "step": 2, "parts": 1}
            rate: float = backend(asked)[best]
            return rate

        source = _written(texts, plan.bulk_rows, Path(scratch))
        for number in range(plan.rounds):
            before = alone(0)
            command = _scored(subject, source, Path(scratch) / f"{number}.parquet")
            rounds.append(BulkRound(2 / (1 / before + 1 / alone(1)), command))
            progress.advance(1)
    return Bulk(plan.bulk_rows, rounds)


def _written(texts: Sequence[str], rows: int, folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet

    source = folder / "texts.parquet"
    pa.parquet.write_table(pa.table({"text": list(islice(cycle(texts), rows))}), source)
    return source


def _scored(subject: Subject, source: Path, output: Path) -> float:
    """Texts a second, as the command tells them."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.score", "--input", str(source), "--output", str(output)],
        cwd=REPOSITORY,
        env={**os.environ, **subject.environment()},
        capture_output=True,
        text=True,
        check=False,
        timeout=WORK_SECONDS,
    )
    told = RATE.search(done.stderr)
    if done.returncode or not told:
        raise CommandError(f"scripts.score failed:\n{done.stderr[-2000:].strip()}")
    return float(told[1])
