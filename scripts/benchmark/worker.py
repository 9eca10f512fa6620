"""Jobs that are measured from inside, each in a process of its own.

`python -m scripts.benchmark.worker NAME` reads a job as a line of JSON from stdin and prints its
result as JSON. A job that returns a function answers each further line with it. Jobs import what
they need themselves: imports take time and memory, which are measured. `rates.py` has further jobs.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from scripts.benchmark import rates
from scripts.benchmark.rates import Job, Tokens

Milliseconds = dict[str, list[float]]  # of each call, by the way that it went


def warm_handler(job: Job) -> Milliseconds:
    """Time answers through the handler, and the same tokens through the session alone.

    The job has `model`, `threads`, `texts`, their `events`, and `count` and `block` of
    `interleave`.
    """
    import numpy as np
    import onnxruntime as ort

    from function.backends.onnx_backend import OnnxBackend
    from function.core.artifact import open_artifact

    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = [tokens.of(text)[None, :] for text in job["texts"]]
    feeds = [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in windows]
    backend = OnnxBackend(artifact, job["threads"], alone=True)
    plain = ort.InferenceSession(str(artifact.file("graph")), providers=["CPUExecutionProvider"])
    ways: dict[str, Callable[[int], object]] = {
        "session": lambda index: backend.run(**feeds[index]),
        "default session": lambda index: plain.run(["logits"], feeds[index]),
        "handler": lambda index: ask_handler(job["events"][index]),
    }
    return interleave(ways, len(feeds), job["count"], job["block"])


def models(job: Job) -> Milliseconds:
    """Time answers of several models through one handler.

    The job has `events` by model, and `count` and `block` of `interleave`.
    """
    ways = {model: partial(_ask_one, events) for model, events in job["events"].items()}
    return interleave(ways, len(next(iter(job["events"].values()))), job["count"], job["block"])


def _ask_one(events: Sequence[Mapping[str, Any]], index: int) -> Mapping[str, Any]:
    return ask_handler(events[index % len(events)])


def interleave(
    ways: Mapping[str, Callable[[int], object]], items: int, count: int, block: int
) -> Milliseconds:
    """Return the milliseconds of `count` calls each way, which take turns in blocks.

    So whatever else the machine does affects all of them. The first call of a block comes twice
    and counts once: it finds another's data in the caches.
    """
    measured: Milliseconds = {name: [] for name in ways}
    for start in range(0, count, block):
        asked = [index % items for index in range(start, start + block)]
        for name, ask in ways.items():
            ask(asked[0])
            marks = [time.perf_counter()]
            for index in asked:
                ask(index)
                marks.append(time.perf_counter())
            measured[name] += [1000 * (after - before) for before, after in pairwise(marks)]
    return measured


def alternate(ways: Mapping[str, Callable[[int], object]], count: int) -> Milliseconds:
    """Return the milliseconds of `count` calls each way, which take turns call by call.

    The order changes from call to call, so that neighbours are comparable as pairs.
    """
    measured: Milliseconds = {name: [] for name in ways}
    for number in range(count):
        for name in ways if number % 2 else reversed(list(ways)):
            begun = time.perf_counter()
            ways[name](number)
            measured[name].append(1000 * (time.perf_counter() - begun))
    return measured


def cascade(job: Job) -> dict[str, list[Any]]:
    """Return milliseconds of each event through the handler, and the stage that answered `auto`.

    The job has `events` by `auto` and `off`, alike in length, which take turns.
    """
    answers: list[Mapping[str, Any]] = []
    ways: dict[str, Callable[[int], object]] = {
        "auto": lambda number: answers.append(_ask_one(job["events"]["auto"], number)),
        "off": partial(_ask_one, job["events"]["off"]),
    }
    for warm_up in ways.values():
        warm_up(0)
    answers.clear()
    found = alternate(ways, len(job["events"]["auto"]))
    stages = [json.loads(answer["body"])["predictions"][0]["stage"] for answer in answers]
    return {**found, "stages": stages}


def signals(job: Job) -> Milliseconds:
    """Time answers of the handler's application with all signals on, and with all of them off.

    Off are the line and the metrics of a request, by a sink that drops its record, and the
    prediction log, by its setting. Both applications ask one model in one process: two processes
    with the same settings differ by as much as the budget. The log goes nowhere: a process that
    reads it on the same cores takes its own time. The job has `events`, `count`, and `warm_up`:
    answers of each before those that count.
    """
    from mangum import Mangum

    from function import lambda_handler as served
    from function.api.app import create_app
    from function.core.engine import DirectEngine
    from function.events import AnswerLimitMiddleware

    quiet = served.SETTINGS.model_copy(update={"prediction_log": False})
    silent = create_app(
        DirectEngine(served.CATALOG), quiet, lambda _: None, middleware=[AnswerLimitMiddleware]
    )
    events: Sequence[Any] = job["events"]

    def ask(answer_of: Mangum, number: int) -> None:
        require_ok(answer_of(events[number % len(events)], None))  # type: ignore[arg-type]

    applications = {"logged": served.APP, "silent": silent}
    ways = {name: partial(ask, Mangum(app, lifespan="off")) for name, app in applications.items()}
    with contextlib.redirect_stdout(_nowhere()):
        measured = alternate(ways, job["warm_up"] + job["count"])
    return {name: taken[job["warm_up"] :] for name, taken in measured.items()}


def memory(job: Job) -> int:
    """Return the peak memory of a process that answers `events` through the handler."""
    for event in job["events"]:
        ask_handler(event)
    return peak_bytes()


def peak_bytes(pid: int | None = None) -> int:
    """Return the most memory that a process (None: this one) ever held.

    Linux knows it of any process; elsewhere a process knows only its own, and others have 0.
    """
    status = Path(f"/proc/{'self' if pid is None else pid}/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if pid is not None:
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def ask_handler(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask the handler, its log going nowhere. Raises RuntimeError if the answer is not 200."""
    from function.lambda_handler import handler as answer_of  # opens the model

    with contextlib.redirect_stdout(_nowhere()):
        answer: Mapping[str, Any] = answer_of(dict(event), None)
    require_ok(answer)
    return answer


def require_ok(answer: Mapping[str, Any]) -> None:
    """Raise RuntimeError if the answer is not 200: the time of a refusal is no figure."""
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the handler answered {answer}")


@cache
def _nowhere() -> TextIO:
    """Return the null device, opened once: opening it is no part of an answer."""
    return Path(os.devnull).open("w", encoding="utf-8")


def pipeline(job: Job) -> dict[str, Any]:
    """Return the plain pipeline's `answers` to all texts, and `milliseconds` of `count` more."""
    from scripts.benchmark.subjects import open_pipeline

    classify, texts = open_pipeline(job["checkpoint"]), job["texts"]
    answers = [classify(text) for text in texts]
    again = {"milliseconds": lambda number: classify(texts[number % len(texts)])}
    return {"answers": answers, **alternate(again, job["count"])}


def load(job: Job) -> dict[str, Any]:
    """Run the load generator: see `load.Load`."""
    import asyncio

    from scripts.benchmark.load import FailedError, Load

    try:
        return asyncio.run(Load(job).run())
    except (FailedError, OSError) as error:
        sys.exit(f"a request failed: {error}")


JOBS: dict[str, Callable[[Job], Any]] = {
    job.__name__: job
    for job in (
        *(warm_handler, models, signals, cascade, memory, pipeline, load),
        *(rates.backend, rates.pipeline_rates, rates.torch_rates, rates.matrix_rate),
    )
}


def main() -> None:
    """Run the job of argv on what stdin says."""
    result = JOBS[sys.argv[1]](json.loads(sys.stdin.readline()))
    if not callable(result):
        print(json.dumps(result))
        return
    for line in sys.stdin:
        print(json.dumps(result(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
