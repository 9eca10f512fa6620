"""A worker: a fresh process that answers through the handler, and then says its peak memory."""

import json
import sys

from scripts.benchmark.answering import ask_handler, event_of
from scripts.benchmark.memory import peak_bytes


def main() -> None:
    job = json.load(sys.stdin)
    for text in job["texts"]:
        for model in job.get("models", [None]):
            ask_handler(event_of(text, model))
    print(json.dumps(peak_bytes()))


if __name__ == "__main__":
    main()
