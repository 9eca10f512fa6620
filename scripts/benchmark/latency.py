"""Warm answers, one at a time: each side, all our models, and with signals on and off."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from function.core.artifact import Artifact, open_artifact
from function.core.manifest import MANIFEST
from scripts.benchmark.figures import Latency, ModelFigures, Models, Signals
from scripts.benchmark.footprint import folder_bytes, memory_texts
from scripts.benchmark.plan import OFFLINE, REVIEW, Plan, Subject
from scripts.benchmark.processes import Running, handler_event, work
from scripts.benchmark.throughput import ask
from scripts.common.progress import Progress

SESSION = "session.run alone, on the same tokens, with our options"
DEFAULT_SESSION = "session.run alone, with ONNX Runtime's default options"
HANDLER = "through our Lambda handler, in process"
SERVER = "through our server, over HTTP"
PIPELINE = "plain transformers pipeline, in process"
BASELINE = "plain transformers pipeline behind FastAPI, over HTTP"

WHOLE = {"cascade": "off"}  # read by the model itself, in windows if its artifact says so
WARM_UP = 50  # answers with signals on, and off, before those that count
LOGGED = {"PREDICTION_LOG": "true", "PREDICTION_LOG_KEY": "a secret that nobody needs to keep"}

Lengths = Mapping[str, Sequence[str]]


def measure_latency(
    subject: Subject, plan: Plan, lengths: Lengths, ours: Running, baseline: Running
) -> dict[str, dict[str, Latency]]:
    """Return the latency of every row at every length (section 2); `lengths` has texts by name."""
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
    inside = through_handler(
        subject, texts, plan.latencies, plan.block, threads=subject.settings.threads
    )
    job = {"texts": texts, "count": plan.latencies, "checkpoint": str(subject.checkpoint)}
    pipeline = work("pipeline", job, OFFLINE)
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


def through_handler(
    subject: Subject, texts: Sequence[str], count: int, block: int, *, threads: int
) -> dict[str, list[float]]:
    """Return milliseconds of `handler`, and of `session` and `default session` without it."""
    job = {
        "model": str(subject.model),
        "threads": threads,
        "texts": texts,
        "events": [handler_event(text) for text in texts],
        "count": count,
        "block": block,
    }
    found: dict[str, list[float]] = work(
        "warm_handler", job, subject.environment() | {"THREADS": str(threads)}
    )
    return found


def of_models(subject: Subject, plan: Plan, lengths: Lengths) -> Models:
    """Section 5: return figures of every model in the measured one's parent folder.

    Models take turns in one handler, and are then held alone in fresh ones. Each reads a text as
    its artifact says, a long one in windows.
    """
    artifacts = _artifacts(subject)
    all_loaded = subject.environment() | {"MOST_LOADED": str(max(2, len(artifacts)))}
    taken: dict[str, dict[str, Latency]] = {name: {} for name in artifacts}

    def event(text: str, name: str) -> dict[str, Any]:
        # Only models with a cascade take the parameter that switches it off.
        return handler_event(text, name, WHOLE if artifacts[name].manifest.cascade else {})

    for length, texts in lengths.items():
        events = {name: [event(text, name) for text in texts] for name in artifacts}
        job = {"events": events, "count": plan.latencies, "block": plan.block}
        for name, milliseconds in work("models", job, all_loaded).items():
            taken[name][length] = Latency.of(milliseconds)
    reviews = memory_texts(plan, lengths[REVIEW])

    def peak(names: Sequence[str], environment: Mapping[str, str]) -> int:
        events = [event(text, name) for text in reviews for name in names]
        found: int = work("memory", {"events": events}, environment)
        return found

    return Models(
        {
            name: ModelFigures(
                version=artifact.version,
                task=artifact.manifest.task,
                bytes=folder_bytes(artifact.path),
                latency=taken[name],
                peak=peak([name], subject.environment() | {"DEFAULT_MODEL": name}),
            )
            for name, artifact in artifacts.items()
        },
        together=peak(list(artifacts), all_loaded),
    )


def _artifacts(subject: Subject) -> dict[str, Artifact]:
    """Return artifacts by name, the default one first."""
    folders = dict.fromkeys([subject.model, *sorted(subject.model.parent.iterdir())])
    return {each.name: open_artifact(each) for each in folders if (each / MANIFEST).is_file()}


def of_signals(subject: Subject, plan: Plan, lengths: Lengths) -> dict[str, Signals]:
    """Section 6: return by length how long answers take with all signals on, and off."""
    found = {}
    for length, texts in lengths.items():
        events = [handler_event(text) for text in texts]
        job = {"events": events, "count": plan.signal_pairs, "warm_up": WARM_UP}
        pairs = work("signals", job, subject.environment() | LOGGED)
        logged, silent = pairs["logged"], pairs["silent"]
        paired = median(more - less for more, less in zip(logged, silent, strict=True))
        found[length] = Signals(Latency.of(logged), Latency.of(silent), paired)
    return found
