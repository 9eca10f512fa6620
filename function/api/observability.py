"""One JSON line per request: route, status, timings and figures of the answer, never the text.

A request that several models answered has a further line for each of the others.

The same record feeds the metrics: see `signals.py`.
"""

import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError, to_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.late_routes import find_path
from function.api.problems import problem
from function.core.errors import is_panic
from function.core.predictions import AnyPrediction, Prediction
from function.core.tokenization import Text
from function.core.types import PredictionResult

Record = dict[str, Any]
Sink = Callable[[Record], None]
PROBES = ("/live", "/ready", "/metrics", "/health")


class PredictionSummary(NamedTuple):
    """Figures of one prediction, whatever form the caller asked for (`top_k`, raw scores, words).

    Attributes:
        labels: Number of occurrences of each label; for a classified text, one of each it has.
        score: Probability of the best label, or mean score of the entities; None if there are none.
        margin: Difference from that to the second label's probability, where one excludes others.
    """

    labels: Mapping[str, int]
    score: float | None
    margin: float | None
    tokens_per_word: float


class AnsweredRequest(NamedTuple):
    """Texts of a request and a result: `state.answered`, which the prediction log reads."""

    texts: Sequence[Text]
    result: PredictionResult
    summaries: Sequence[PredictionSummary]


class ObservabilityMiddleware:
    """Middleware that gives requests an id, times and logs them, and turns crashes into a 500."""

    def __init__(self, app: ASGIApp, sink: Sink) -> None:
        self._app, self._sink = app, sink

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(Headers(scope=scope))
        log: Record = {}
        scope.setdefault("state", {})["log"] = log
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except BaseException as error:
            if not (isinstance(error, Exception) or is_panic(error)):
                raise
            log["error"] = f"{type(error).__name__}: {error}"
            log["traceback"] = traceback.format_exc()
            crash = problem(500, f"something broke here; the log has the cause, under {request_id}")
            await crash(scope, receive, observed)
        finally:
            others = log.pop("others", ())
            record = {
                "level": "error" if status >= 500 else "info",
                "request_id": request_id,
                "method": scope["method"],
                "route": find_path(scope),
                "status": status,
            }
            total_ms = round(1000 * (time.perf_counter() - started), 3)
            self._sink({**record, "total_ms": total_ms, **log})
            for figures in others:
                self._sink({**record, "requests": 0, **figures})


def record_answer(
    request: Request, texts: Sequence[Text], result: PredictionResult
) -> dict[str, str]:
    """Record a result for the log, statistics and the prediction log; return its headers.

    A request has a result for each model that answers it.
    """
    timings, predictions = result.timings, result.predictions
    summaries = [summarise(prediction) for prediction in predictions]
    answered = AnsweredRequest(texts, result, summaries)
    state = request.scope["state"]
    state["answered"] = [*state.get("answered", ()), answered]
    stages = {
        "tokenization": timings.tokenization_ms,
        "queue": timings.queue_ms,
        "inference": timings.inference_ms,
        "decoding": timings.decoding_ms,
        "explanation": timings.explanation_ms,
    }
    server_timing = ", ".join(f"{stage};dur={value:.2f}" for stage, value in stages.items())
    totals: Counter[str] = request.app.state.totals[result.model.name]
    for stage, value in (*stages.items(), ("total", timings.total_ms)):
        totals[stage] += round(1e6 * value)
    totals["requests"] += 1
    totals["texts"] += len(predictions)
    totals["last"] = time.time_ns()
    if not timings.explanation_ms:
        del stages["explanation"]
    first = sum(isinstance(each, Prediction) and each.stage == "first" for each in predictions)
    log = state["log"]
    figures = {
        "model": result.model.name,
        "version": result.model.version,
        "texts": len(predictions),
        **({"texts_first": first} if result.model.cascade else {}),
        "texts_full": len(predictions) - first,
        "tokens": result.tokens,
        "windows": sum(prediction.windows for prediction in predictions),
        **{f"{stage}_ms": round(value, 3) for stage, value in stages.items()},
        **_merge(summaries),
    }
    if "model" in log:
        log.setdefault("others", []).append(figures)
    else:
        log |= figures
    return {"server-timing": server_timing, "x-model-version": result.model.version}


def summarise(prediction: AnyPrediction) -> PredictionSummary:
    """Return the figures of a prediction, rounded for the log."""
    tokens_per_word = round(prediction.tokens / max(1, prediction.words), 3)
    score, margin = _rounded(prediction.certainty), _rounded(prediction.margin)
    return PredictionSummary(prediction.label_counts, score, margin, tokens_per_word)


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 4)


def counters(record: Record) -> Record:
    """Return what metrics sum up of a request, beside its record, which may say otherwise."""
    status = record["status"]
    return {"requests": 1, "errors": int(status >= 500), "refused": int(status == 429)}


def is_probe(record: Record) -> bool:
    """Return whether the request is a health check or a scrape of the metrics."""
    return str(record["route"]).endswith(PROBES)


def encode_json(value: object) -> str:
    """Return the JSON of a record, or of a part of one, in ASCII."""
    try:
        return to_json(value, ensure_ascii=True, fallback=str).decode()
    except PydanticSerializationError:  # an error may quote half of a surrogate pair
        return json.dumps(value, separators=(",", ":"), default=str)


def write_lines(*lines: str, flush: bool = True) -> bool:
    """Write lines, given without their ends, to stdout in one piece; return False if it is closed.

    It raises nothing: no prediction fails because its log has no reader. Without `flush`, another
    line follows at once and flushes these too.
    """
    try:
        sys.stdout.write("\n".join((*lines, "")))
        if flush:
            sys.stdout.flush()
    except (OSError, ValueError):  # the pipe has no reader, or stdout is closed
        return False
    return True


def _merge(summaries: Sequence[PredictionSummary]) -> Record:
    labels: dict[str, int] = {}
    for summary in summaries:
        for label, count in summary.labels.items():
            labels[label] = labels.get(label, 0) + count
    return {
        "labels": labels,
        "score": [each.score for each in summaries if each.score is not None],
        "margin": [each.margin for each in summaries if each.margin is not None],
        "tokens_per_word": [each.tokens_per_word for each in summaries],
    }


def _request_id(headers: Headers) -> str:
    """Return the caller's id if a header and a log may hold it, else a random one."""
    given = headers.get("x-request-id", "")[:64]
    return given if given and given.isascii() and given.isprintable() else os.urandom(16).hex()
