"""Section 4: rows a second of `scripts.score` on a file, compared with the session alone."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.benchmark.figures import Bulk, BulkRound
from scripts.benchmark.plan import REPOSITORY, Plan, Subject
from scripts.benchmark.processes import WORK_SECONDS
from scripts.benchmark.throughput import backend_alone
from scripts.common.errors import CommandError
from scripts.common.progress import Progress

RATE = re.compile(r"rows in .* s, ([0-9.]+) a second")


def measure_bulk(subject: Subject, plan: Plan, texts: Sequence[str], best: str) -> Bulk:
    """Score a file in each round, between two turns of the session alone in its `best` batch.

    The command reads, tokenises and keeps what it has done; loading the model is not counted. Both
    read whole texts, long ones in the same windows. The file holds the texts, in their mixed order,
    again and again.
    """
    rounds = []
    with (
        TemporaryDirectory() as scratch,
        backend_alone(subject, texts, whole=True) as backend,
        Progress("bulk, rounds", plan.rounds) as progress,
    ):
        source = write_rows(texts, plan.bulk_rows, Path(scratch))
        for number in range(plan.rounds):
            output = Path(scratch) / f"{number}.parquet"
            alone, command = backend.around(best, partial(score, subject, source, output, "off"))
            rounds.append(BulkRound(alone, command))
            progress.advance(1)
    return Bulk(plan.bulk_rows, rounds)


def write_rows(texts: Sequence[str], rows: int, folder: Path) -> Path:
    """Write a file of the texts, again and again up to `rows`."""
    import pyarrow as pa
    import pyarrow.parquet

    source = folder / "texts.parquet"
    pa.parquet.write_table(pa.table({"text": list(islice(cycle(texts), rows))}), source)
    return source


def score(subject: Subject, source: Path, output: Path, cascade: str) -> float:
    """Run the command and return the texts a second that it reports."""
    files = ["--input", str(source), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.score", *files, "--cascade", cascade],
        cwd=REPOSITORY,
        env={**os.environ, **subject.environment()},
        capture_output=True,
        text=True,
        check=False,
        timeout=WORK_SECONDS,
    )
    reported = RATE.search(done.stderr)
    if done.returncode or not reported:
        raise CommandError(f"scripts.score failed:\n{done.stderr[-2000:].strip()}")
    return float(reported[1])
