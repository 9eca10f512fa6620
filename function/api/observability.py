"""One JSON line a request: who asked which route, how it went, what it took. Never the text.

The same record feeds the metrics: see `signals.py`.
"""

import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.problems import problem
from function.core.types import Answer, AnyPrediction, Entity, Prediction

Record = dict[str, Any]
Sink = Callable[[Record], None]
PROBES = ("/live", "/ready", "/metrics")


def write_line(record: Record) -> None:
    """Log a record to stdout."""
    sys.stdout.write(json.dumps(record, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


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


def note(log: Record, answer: Answer) -> dict[str, str]:
    """Add an answer's figures to the request's log line; returns the headers that tell them."""
    timings, predictions = answer.timings, answer.predictions
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
    log |= {
        "model": answer.model.name,
        "version": answer.model.version,
        "texts": len(predictions),
        "tokens": sum(prediction.tokens for prediction in predictions),
        "windows": sum(prediction.windows for prediction in predictions),
        **{f"{stage}_ms": round(value, 3) for stage, value in stages.items()},
        **_of_predictions(answer),
    }
    return {"server-timing": shown, "x-model-version": answer.model.version}


def _of_predictions(answer: Answer) -> Record:
    """What was answered, without the texts. A caller may have asked for scores that are not
    probabilities, for the best label alone, or for the tags of words; what cannot be told is left
    out."""
    labels = set(answer.model.labels)
    told = [
        each
        for prediction in answer.predictions
        for each in _labelled(prediction)
        if each.label in labels
    ]
    sure = [each for each in told if 0 <= each.score <= 1]
    return {
        "labels": dict(Counter(each.label for each in told)),
        "score": [round(each.score, 4) for each in sure],
        "margin": [
            round(each.score - each.scores[1].score, 4)
            for each in sure
            if isinstance(each, Prediction) and len(each.scores) > 1
        ],
    }


def _labelled(prediction: AnyPrediction) -> Sequence[Prediction | Entity]:
    """What has a label and a score: of entities, each."""
    return [prediction] if isinstance(prediction, Prediction) else prediction.entities


class ObservabilityMiddleware:
    """Outermost: gives each request an id, times it, logs it, and turns a crash into a 500."""

    def __init__(self, app: ASGIApp, sink: Sink) -> None:
        self._app, self._sink = app, sink

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = Headers(scope=scope).get("x-request-id", "")[:64] or os.urandom(16).hex()
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
