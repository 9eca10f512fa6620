"""One JSON line a request: who asked which route, how it went, what it took. Never the text.

On Lambda the line also carries CloudWatch's embedded metric format, so that metrics cost no call.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.problems import problem
from function.core.types import Answer

NAMESPACE = "Evergreen"
Sink = Callable[[dict[str, Any]], None]


def write_line(record: dict[str, Any]) -> None:
    """Log a record to stdout."""
    sys.stdout.write(json.dumps(record, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def embed_metrics(record: dict[str, Any]) -> None:
    """Log a record to stdout with CloudWatch metrics over its figures, by model."""
    metrics = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("_ms") else "Count"}
        for name, value in record.items()
        if isinstance(value, int | float) and name != "status"
    ]
    embedded = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {"Namespace": NAMESPACE, "Dimensions": [["model"]], "Metrics": metrics}
        ],
    }
    write_line({"_aws": embedded, "model": "none", **record})


def note(log: dict[str, Any], answer: Answer) -> dict[str, str]:
    """Add an answer's figures to the request's log line; returns the headers that tell them."""
    timings = answer.timings
    stages = {
        "tokenization": timings.tokenization_ms,
        "inference": timings.inference_ms,
        "decoding": timings.decoding_ms,
        "explanation": timings.explanation_ms,
    }
    log |= {
        "model": answer.model.name,
        "version": answer.model.version,
        "texts": len(answer.predictions),
        "tokens": sum(prediction.tokens for prediction in answer.predictions),
        "windows": sum(prediction.windows for prediction in answer.predictions),
        **{f"{stage}_ms": round(value, 3) for stage, value in stages.items()},
    }
    shown = ", ".join(f"{stage};dur={value:.2f}" for stage, value in stages.items())
    return {"server-timing": shown, "x-model-version": answer.model.version}


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
        log: dict[str, Any] = {}
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
