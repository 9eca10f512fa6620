"""Jobs that are measured from inside, each in a process of its own.

`python -m scripts.benchmark.worker NAME` reads a job as a line of JSON from stdin and prints its
result as JSON. A job that returns a function answers each further line with it. Jobs import what
they need themselves: imports take time and memory, which are measured.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from function.core.artifact import Artifact
    from function.core.backend import Backend
    from function.core.tokenization import TokenIds

Item = TypeVar("Item")
Job = Mapping[str, Any]
Prepare = Callable[[Sequence[Item]], Callable[[], None]]

MATRIX_REPEATS, MATRIX_TRIES = 20, 5


def warm_handler(job: Job) -> dict[str, list[float]]:
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
    feeds = []
    for text in job["texts"]:
        ids = tokens.of(text)[None, :]
        feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    backend = OnnxBackend(artifact, job["threads"], alone=True)
    plain = ort.InferenceSession(str(artifact.file("graph")), providers=["CPUExecutionProvider"])
    ways: dict[str, Callable[[int], object]] = {
        "session": lambda index: backend.run(**feeds[index]),
        "default session": lambda index: plain.run(["logits"], feeds[index]),
        "handler": lambda index: ask_handler(job["events"][index]),
    }
    return interleave(ways, len(feeds), job["count"], job["block"])


def models(job: Job) -> dict[str, list[float]]:
    """Time answers of several models through one handler.

    The job has `events` by model, and `count` and `block` of `interleave`.
    """

    def ask(events: Sequence[Mapping[str, Any]], index: int) -> None:
        ask_handler(events[index])

    ways = {model: partial(ask, events) for model, events in job["events"].items()}
    return interleave(ways, len(next(iter(job["events"].values()))), job["count"], job["block"])


def interleave(
    ways: Mapping[str, Callable[[int], object]], items: int, count: int, block: int
) -> dict[str, list[float]]:
    """Return the milliseconds of `count` calls each way, which take turns in blocks.

    So whatever else the machine does affects all of them. The first call of a block comes twice
    and counts once: it finds another's data in the caches.
    """
    measured: dict[str, list[float]] = {name: [] for name in ways}
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


def cascade(job: Job) -> dict[str, list[Any]]:
    """Return milliseconds of each event through the handler, and the stage that answered `auto`.

    The job has `events` by `auto` and `off`, alike in length, which take turns.
    """
    from function.lambda_handler import handler as answer_of

    events: Mapping[str, Sequence[dict[str, Any]]] = job["events"]
    found: dict[str, list[Any]] = {"auto": [], "off": [], "stages": []}
    with contextlib.redirect_stdout(_nowhere()):
        for warm_up in events.values():
            answer_of(warm_up[0], None)
        for number in range(len(events["auto"])):
            for name in ("auto", "off") if number % 2 else ("off", "auto"):
                begun = time.perf_counter()
                answer = answer_of(events[name][number], None)
                found[name].append(1000 * (time.perf_counter() - begun))
                require_ok(answer)
                if name == "auto":
                    (prediction,) = json.loads(answer["body"])["predictions"]
                    found["stages"].append(prediction["stage"])
    return found


def signals(job: Job) -> dict[str, list[float]]:
    """Time answers of the handler's application with all signals on, and with all of them off.

    Off are the line and the metrics of a request, by a sink that drops its record, and the
    prediction log, by its setting. Both applications ask one model in one process: two processes
    with the same settings differ by as much as the budget. They take turns answer by answer, and
    who is first changes. The log goes nowhere: a process that reads it on the same cores takes its
    own time. The job has `events`, `count`, and `warm_up`: answers of each before those that count.
    """
    from mangum import Mangum

    from function import lambda_handler as served
    from function.api.app import create_app
    from function.core.engine import DirectEngine

    quiet = served.SETTINGS.model_copy(update={"prediction_log": False})
    silent = create_app(DirectEngine(served.CATALOG), quiet, lambda _: None)
    applications = {"logged": served.APP, "silent": silent}
    asks = [(name, Mangum(app, lifespan="off")) for name, app in applications.items()]
    measured: dict[str, list[float]] = {name: [] for name in applications}
    events: Sequence[dict[str, Any]] = job["events"]
    with contextlib.redirect_stdout(_nowhere()):
        for number in range(job["warm_up"] + job["count"]):
            for name, ask in asks if number % 2 else reversed(asks):
                begun = time.perf_counter()
                require_ok(ask(events[number % len(events)], None))  # type: ignore[arg-type]
                if number >= job["warm_up"]:
                    measured[name].append(1000 * (time.perf_counter() - begun))
    return measured


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


def ask_handler(event: Mapping[str, Any]) -> None:
    """Ask the handler, its log going nowhere. Raises RuntimeError if the answer is not 200."""
    from function.lambda_handler import handler as answer_of  # opens the model

    with contextlib.redirect_stdout(_nowhere()):
        answer = answer_of(dict(event), None)
    require_ok(answer)


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

    classify = open_pipeline(job["checkpoint"])
    answers = [classify(text) for text in job["texts"]]
    milliseconds = []
    for index in range(job["count"]):
        begun = time.perf_counter()
        classify(job["texts"][index % len(job["texts"])])
        milliseconds.append(1000 * (time.perf_counter() - begun))
    return {"answers": answers, "milliseconds": milliseconds}


def pipeline_rates(job: Job) -> dict[str, float]:
    """Return texts a second of the plain pipeline, given all texts at once, on any device.

    Texts are sorted by length, as suits it best: it pads those of a batch to the longest. The job
    has `checkpoint`, `texts`, `device`, `parts`, and what is tried in all combinations:
    `precisions`, `batches`, `workers`, which are processes that tokenise.
    """
    from scripts.benchmark.subjects import load_pipeline

    texts = sorted(job["texts"], key=len)
    found: dict[str, float] = {}
    for precision in job["precisions"]:
        classify = load_pipeline(job["checkpoint"], job["device"], precision)
        ways = {}
        for size, workers in product(job["batches"], job["workers"]):
            classify(texts[-size:], batch_size=size)  # chooses kernels and takes memory
            name = f"{size} text{'s' * (size > 1)}, {precision}"
            name += f", {workers} tokenising processes" if workers else ""
            call = partial(classify, batch_size=size, num_workers=workers)
            ways[name] = partial(partial, call)  # takes texts, and returns the call on them
        found |= interleaved_rates(ways, texts, job["parts"])
    return found


def backend(job: Job) -> Callable[[Job], dict[str, float]]:
    """Return a function that measures texts a second of the session alone, over ready tokens.

    It takes `batches`, the texts to read as `start` and `step`, and `parts`. The job has `model`,
    `threads`, `texts`.
    """
    from function.backends.onnx_backend import OnnxBackend
    from function.core.artifact import open_artifact
    from function.core.backend import pad

    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = [tokens.of(text) for text in job["texts"]]
    session = OnnxBackend(artifact, job["threads"])
    session.run(*pad(sorted(windows, key=len)[-2:], tokens.pad_id))

    def rates(asked: Job) -> dict[str, float]:
        chosen = sorted(windows[asked["start"] :: asked["step"]], key=len)
        ways = {name: partial(_reading, session, tokens.pad_id, name) for name in asked["batches"]}
        return interleaved_rates(ways, chosen, asked["parts"])

    return rates


def torch_rates(job: Job) -> dict[str, Any]:
    """Return texts a second of the torch backend alone, its precision, and tokens of each text.

    The job has `model`, `texts`, `device`, `precision`, `batches`, `parts`.
    """
    from function.backends.torch_backend import TorchBackend
    from function.core.artifact import open_artifact

    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = sorted((tokens.of(text) for text in job["texts"]), key=len)
    model = TorchBackend(artifact, device=job["device"], precision=job["precision"])
    ways = {batch: partial(_reading, model, tokens.pad_id, batch) for batch in job["batches"]}
    for prepare in ways.values():
        prepare(windows)()  # chooses kernels and takes memory
    rates = interleaved_rates(ways, windows, job["parts"])
    return {"precision": model.precision, "rates": rates, "tokens": [len(w) for w in windows]}


def _reading(
    backend: "Backend", pad_id: int, batch: str, windows: "Sequence[TokenIds]"
) -> Callable[[], None]:
    """Return the work of reading all windows in batches, which are padded already."""
    from function.core.backend import pad

    ready = [pad(chosen, pad_id) for chosen in batch_windows(windows, batch)]

    def read() -> None:
        for input_ids, attention_mask in ready:
            backend.run(input_ids, attention_mask)

    return read


def batch_windows(windows: "Sequence[TokenIds]", batch: str) -> "list[list[TokenIds]]":
    """Return neighbours of a row that is sorted from short to long.

    `batch` is "4 texts" at most, or as many as take "512 tokens", padding included.
    """
    most, unit = int(batch.split()[0]), batch.split()[1]
    batches: list[list[TokenIds]] = []
    for window in windows:
        size = 1 + len(batches[-1]) if batches else 1
        cost = size * len(window) if unit == "tokens" else size
        if batches and cost <= most:
            batches[-1].append(window)
        else:
            batches.append([window])
    return batches


def interleaved_rates(
    ways: Mapping[str, Prepare[Item]], items: Sequence[Item], parts: int
) -> dict[str, float]:
    """Return items a second of each way; all take turns, so that the machine treats them alike.

    A way takes items and returns the work that is timed. Of `parts` turns, turn k has items k, k +
    parts, k + 2 parts, ..., so that those of a sorted row are alike.
    """
    seconds = dict.fromkeys(ways, 0.0)
    for part in range(parts):
        for name, prepare in ways.items():
            work = prepare(items[part::parts])
            begun = time.perf_counter()
            work()
            seconds[name] += time.perf_counter() - begun
    return {name: len(items) / spent for name, spent in seconds.items()}


class Tokens:
    """The tokens that the model reads of a text."""

    def __init__(self, artifact: "Artifact") -> None:
        from function.core.tokenization import TextTokenizer

        self._tokenizer = TextTokenizer(artifact.file("tokenizer"))
        self._settings = artifact.manifest.tokenization.settings()
        self.pad_id = self._tokenizer.pad_id

    def of(self, text: str) -> "TokenIds":
        """Return the one window that a truncated text is."""
        from function.core.tokenization import window_spans

        content = self._tokenizer.encode([text])[0].ids
        capacity = self._settings.max_tokens - self._tokenizer.special_tokens
        ((start, stop),) = window_spans(
            len(content), capacity, self._settings.stride, "truncate", 1
        )[0]
        return self._tokenizer.with_special_tokens(content[start:stop])


def matrix_rate(job: Job) -> dict[str, Any]:
    """Return the name of torch's device, and operations a second of bfloat16 matrix products.

    Both are None if torch has no such device. A product of two (size, size) matrices is 2 size³
    operations; the rate is the median of some tries. The job has `device` and `size`.
    """
    import platform
    import statistics

    import torch

    device, size = job["device"], job["size"]
    on_gpu = device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        return {"card": None, "rate": None}
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    tries = []
    for attempt in range(1 + MATRIX_TRIES):
        begun = time.perf_counter()
        for _ in range(MATRIX_REPEATS):
            torch.matmul(left, right, out=out)
        if on_gpu:
            torch.cuda.synchronize()
        if attempt:  # the first chooses a kernel
            tries.append(2 * size**3 * MATRIX_REPEATS / (time.perf_counter() - begun))
    card = torch.cuda.get_device_name() if on_gpu else platform.machine()
    return {"card": card, "rate": statistics.median(tries)}


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
        *(backend, pipeline_rates, torch_rates, matrix_rate),
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
