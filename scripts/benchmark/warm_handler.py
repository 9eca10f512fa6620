"""A worker: answers through the handler beside the same tokens through the session alone.

The kinds take turns in blocks, so that whatever else the machine does befalls all of them; the
first answer of a block is not counted.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from scripts.benchmark.answering import Tokens, ask_handler, event_of


def main() -> None:
    job = json.load(sys.stdin)
    kinds = _kinds(job)
    measured: dict[str, list[float]] = {kind: [] for kind in kinds}
    for start in range(0, job["count"], job["block"]):
        asked = [index % len(job["texts"]) for index in range(start, start + job["block"])]
        for kind, ask in kinds.items():
            measured[kind] += milliseconds(ask, asked)
    print(json.dumps(measured))


def milliseconds(ask: Callable[[int], object], asked: Sequence[int]) -> list[float]:
    """How long each took, after one that is not counted."""
    ask(asked[0])
    marks = [time.perf_counter()]
    for index in asked:
        ask(index)
        marks.append(time.perf_counter())
    return [1000 * (after - before) for before, after in pairwise(marks)]


def _kinds(job: dict[str, Any]) -> dict[str, Callable[[int], object]]:
    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    feeds = []
    for text in job["texts"]:
        ids = tokens.of(text)[None, :]
        feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    backend = OnnxBackend(artifact, job["threads"], alone=True)
    plain = ort.InferenceSession(str(artifact.file("graph")), providers=["CPUExecutionProvider"])
    events = [event_of(text) for text in job["texts"]]
    return {
        "session": lambda index: backend.run(**feeds[index]),
        "default session": lambda index: plain.run(["logits"], feeds[index]),
        "handler": lambda index: ask_handler(events[index]),
    }


if __name__ == "__main__":
    main()
