"""A worker that stays: what takes turns with others need not be loaded anew for each turn."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

from scripts.benchmark.plan import REPOSITORY
from scripts.benchmark.processes import STOP_SECONDS
from scripts.common.errors import CommandError


@contextmanager
def standing(
    module: str, job: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[Callable[[Mapping[str, Any]], Any]]:
    """Run `python -m module` with a job as JSON on the first line of its stdin.

    What is yielded sends it another line and returns the line that it answers. Raises CommandError
    where it ends before it has.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        source = cast("IO[str]", process.stdout)
        sink = cast("IO[str]", process.stdin)

        def ask(question: Mapping[str, Any]) -> Any:
            # Where it has gone, its last words tell why.
            with suppress(BrokenPipeError):
                sink.write(json.dumps(question) + "\n")
                sink.flush()
            answer = source.readline()
            if not answer:
                log.seek(0)
                raise CommandError(f"{module} failed:\n{log.read().decode(errors='replace')}")
            return json.loads(answer)

        try:
            sink.write(json.dumps(job) + "\n")
            yield ask
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            source.close()
