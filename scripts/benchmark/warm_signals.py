"""A worker: answers through the handler's application with all that it tells of them, a line and
metrics of the request and the prediction log, beside the same application that tells nothing.

Both ask one model in one process. They take turns answer by answer, and who is first changes. The
log goes nowhere: a process that reads it on the same cores takes its own time.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benchmark.answering import event_of, require_ok

KEY = "a secret that nobody needs to keep"
Ask = Callable[[dict[str, Any]], None]


class Silent:
    """Stands where requests are watched, and watches nothing."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"log": {}}
        await self._app(scope, receive, send)


def main() -> None:
    job = json.load(sys.stdin)
    events = [event_of(text) for text in job["texts"]]
    told, silent = _applications()
    measured: dict[str, list[float]] = {"told": [], "silent": []}
    pair = [("told", told), ("silent", silent)]
    with Path(os.devnull).open("w", encoding="utf-8") as sink, contextlib.redirect_stdout(sink):
        for number in range(job["warm_up"] + job["count"]):
            for name, ask in pair if number % 2 else reversed(pair):
                started = time.perf_counter()
                ask(events[number % len(events)])
                if number >= job["warm_up"]:
                    measured[name].append(1000 * (time.perf_counter() - started))
    print(json.dumps(measured))


def _applications() -> tuple[Ask, Ask]:
    served = importlib.import_module("function.lambda_handler")
    routes = sys.modules["function.api.routes.native"]
    record_answer = vars(routes)["record_answer"]
    logged = served.load_settings(
        served.Settings,
        served.ENVIRONMENT | {"PREDICTION_LOG": "true", "PREDICTION_LOG_KEY": KEY},
    )
    engine = served.DirectEngine(served.CATALOG)
    talking = served.create_app(engine, logged, served.METRICS)
    mute = served.create_app(engine, served.SETTINGS, served.METRICS)
    mute.user_middleware[0] = type(mute.user_middleware[0])(Silent)

    def asking(app: Any, noting: Callable[..., dict[str, str]]) -> Ask:
        adapter = served.Mangum(app, lifespan="off")

        def ask(event: dict[str, Any]) -> None:
            vars(routes)["record_answer"] = noting
            require_ok(adapter(event, None))

        return ask

    return asking(talking, record_answer), asking(mute, lambda *_: {})


if __name__ == "__main__":
    main()
