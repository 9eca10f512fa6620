"""A worker: answers of several models through the handler, which take turns in blocks."""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from scripts.benchmark.answering import ask_handler, event_of
from scripts.benchmark.warm_handler import milliseconds


def main() -> None:
    job = json.load(sys.stdin)
    measured: dict[str, list[float]] = {model: [] for model in job["models"]}
    events = {model: [event_of(text, model) for text in job["texts"]] for model in measured}
    for start in range(0, job["count"], job["block"]):
        asked = [index % len(job["texts"]) for index in range(start, start + job["block"])]
        for model, of_model in events.items():
            measured[model] += milliseconds(partial(_ask, of_model), asked)
    print(json.dumps(measured))


def _ask(events: Sequence[Mapping[str, Any]], index: int) -> None:
    ask_handler(events[index])


if __name__ == "__main__":
    main()
