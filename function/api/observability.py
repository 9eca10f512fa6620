"""One JSON line a request: who asked which route, how it went, what it took. Never the text.

The same record feeds the metrics: see `signals.py`.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError, to_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.outcomes import Outcome, outcome_of
from function.api.problems import problem
from function.core.types import Answer

Record = dict[str, Any]
Sink = Callable[[Record], None]
PROBES = ("/live", "/ready", "/metrics")


class Answered(NamedTuple):
    """The texts of a request, what was answered, and what that says of each; `state.answered` of a
    request that was."""

    texts: Sequence[str]
    answer: Answer
    outcomes: Sequence[Outcome]


def encode(value: object) -> str:
    """The JSON of a record, or of a part of one, in ASCII."""
    try:
        return to_json(value, ensure_ascii=True, fallback=str).decode()
    except PydanticSerializationError:  # an error may quote half of a surrogate pair
        return json.dumps(value, separators=(",", ":"), default=str)


def write_lines(*lines: str, flush: bool = True) -> bool:
    """Log lines to stdout in one piece; returns whether they were taken. It raises nothing: no
    prediction fails because its log has no reader.

    flush: False where another line follows at once, which takes these with it.
    """
    try:
        sys.stdout.write("".join([f"{line}\n" for line in lines]))
        if flush:
            sys.stdout.flush()
    except (OSError, ValueError):  # the pipe's other end is gone, or stdout is closed
        return False
    return True


def of_request(record: Record) -> Record:
    """A request's record, and what is counted of each."""
    status = record["status"]
    return {
        "requests": 1,
        "errors": int(status >= 500),
        "refused": int(status == 429),
        **record,
    }


def is_probe(record: Record) -> bool:
    """Whether the request is one of those that machines make all day to see how this one is."""
    return str(record["route"]).endswith(PROBES)


def note(request: Request, texts: Sequence[str], answer: Answer) -> dict[str, str]:
    """Add an answer's figures to the request's log line, and keep both for the prediction log;
    returns the headers that tell the figures."""
    timings, predictions = answer.timings, answer.predictions
    outcomes = [outcome_of(prediction) for prediction in predictions]
    request.state.answered = Answered(texts, answer, outcomes)
    stages = {
        "tokenization": timings.tokenization_ms,
        "queue": timings.queue_ms,
        "inference": timings.inference_ms,
        "decoding": timings.decoding_ms,
        "explanation": timings.explanation_ms,
    }
    shown = ", ".join(f"{stage};dur={value:.2f}" for stage, value in stages.items())
    if not timings.explanation_ms:
        del stages["explanation"]
    request.state.log |= {
        "model": answer.model.name,
        "version": answer.model.version,
        "texts": len(predictions),
        "tokens": sum(prediction.tokens for prediction in predictions),
        "windows": sum(prediction.windows for prediction in predictions),
        **{f"{stage}_ms": round(value, 3) for stage, value in stages.items()},
        **_told(outcomes),
    }
    return {"server-timing": shown, "x-model-version": answer.model.version}


def _told(outcomes: Sequence[Outcome]) -> Record:
    labels: dict[str, int] = {}
    for outcome in outcomes:
        for label, count in outcome.labels.items():
            labels[label] = labels.get(label, 0) + count
    return {
        "labels": labels,
        "score": [each.score for each in outcomes if each.score is not None],
        "margin": [each.margin for each in outcomes if each.margin is not None],
        "tokens_per_word": [each.tokens_per_word for each in outcomes],
    }


def _request_id(headers: Headers) -> str:
    """The caller's own, where it is one that can stand in a header of the answer and in a log."""
    given = headers.get("x-request-id", "")[:64]
    return given if given and given.isascii() and given.isprintable() else os.urandom(16).hex()


class ObservabilityMiddleware:
    """Outermost: gives each request an id, times it, logs it, and turns a crash into a 500."""

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
        except Exception as error:
            log["error"] = f"{type(error).__name__}: {error}"
            log["traceback"] = traceback.format_exc()
            crash = problem(500, f"something broke here; the log tells what, under {request_id}")
            await crash(scope, receive, observed)
        finally:
            self._sink(
                {
                    "level": "error" if status >= 500 else "info",
                    "request_id": request_id,
                    "method": scope["method"],
                    "route": getattr(scope.get("route"), "path", "unmatched"),
                    "status": status,
                    "total_ms": round(1000 * (time.perf_counter() - started), 3),
                    **log,
                }
            )
