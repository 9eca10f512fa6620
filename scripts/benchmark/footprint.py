"""Section 4: the most memory that each process ever held."""

import sys
from collections.abc import Sequence

import psutil

from scripts.benchmark.answering import event_of
from scripts.benchmark.first_answer import emulator
from scripts.benchmark.memory import peak_bytes
from scripts.benchmark.plan import Plan, Subject
from scripts.benchmark.processes import Running, work
from scripts.common.errors import CommandError

HANDLER = "our Lambda handler, in a fresh Python process"
EMULATED = "our Lambda handler under Lambda's runtime client"
SERVER = "our server, after all of the load above"
BASELINE = "plain transformers pipeline behind FastAPI, after the same load"


def of_handler(subject: Subject, plan: Plan, texts: Sequence[str]) -> dict[str, int]:
    """Fresh processes that answer review-length texts and nothing else."""
    chosen = [texts[index % len(texts)] for index in range(plan.memory_requests)]
    peaks = {
        HANDLER: work("scripts.benchmark.memory_handler", {"texts": chosen}, subject.environment())
    }
    try:
        with emulator(subject) as function:
            for text in chosen:
                function.invoke(event_of(text))
            peaks[EMULATED] = max(map(peak_bytes, _runtimes()))
    except CommandError as error:
        print(f"Without the emulator: {error}", file=sys.stderr)
    return peaks


def of_servers(ours: Running, baseline: Running) -> dict[str, int]:
    """What the kernel recorded of the two; nothing where it keeps no such record."""
    peaks = {SERVER: peak_bytes(ours.pid), BASELINE: peak_bytes(baseline.pid)}
    return {row: peak for row, peak in peaks.items() if peak}


def _runtimes() -> list[int]:
    """Processes below this one in which the runtime client runs."""
    return [
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.cmdline()[1:3] == ["-m", "awslambdaric"]
    ]
