"""Section 2: how long a warm answer takes, one at a time."""

from collections.abc import Sequence

from scripts.benchmark.cells import ask
from scripts.benchmark.figures import Latency
from scripts.benchmark.plan import OFFLINE, Plan, Subject
from scripts.benchmark.processes import Running, work
from scripts.common.progress import Progress

SESSION = "session.run alone, on the same tokens, with our options"
DEFAULT_SESSION = "session.run alone, with ONNX Runtime's default options"
HANDLER = "through our Lambda handler, in process"
SERVER = "through our server, over HTTP"
PIPELINE = "plain transformers pipeline, in process"
BASELINE = "plain transformers pipeline behind FastAPI, over HTTP"


def measure(
    subject: Subject,
    plan: Plan,
    lengths: dict[str, list[str]],
    ours: Running,
    baseline: Running,
) -> dict[str, dict[str, Latency]]:
    """Every row at every length. lengths: what a length is called, and texts of it."""
    rows: dict[str, dict[str, Latency]] = {}
    with Progress("warm answers, lengths", len(lengths)) as progress:
        for length, texts in lengths.items():
            for row, milliseconds in _at_length(subject, plan, texts, ours, baseline).items():
                rows.setdefault(row, {})[length] = Latency.of(milliseconds)
            progress.advance(1)
    return rows


def _at_length(
    subject: Subject, plan: Plan, texts: Sequence[str], ours: Running, baseline: Running
) -> dict[str, list[float]]:
    job = {"texts": texts, "count": plan.latencies}
    inside = work(
        "scripts.benchmark.warm_handler",
        job
        | {
            "model": str(subject.model),
            "threads": subject.settings.threads,
            "block": plan.block,
        },
        subject.environment(),
    )
    pipeline = work(
        "scripts.benchmark.warm_pipeline", job | {"checkpoint": str(subject.checkpoint)}, OFFLINE
    )
    over_http: dict[str, list[float]] = {SERVER: [], BASELINE: []}
    for start in range(0, plan.latencies, plan.block):
        asked = [texts[index % len(texts)] for index in range(start, start + plan.block)]
        for row, running in ((SERVER, ours), (BASELINE, baseline)):
            over_http[row] += ask(running, asked, clients=1, answers=plan.block).milliseconds
    return {
        SESSION: inside["session"],
        DEFAULT_SESSION: inside["default session"],
        HANDLER: inside["handler"],
        SERVER: over_http[SERVER],
        PIPELINE: pipeline["milliseconds"],
        BASELINE: over_http[BASELINE],
    }
