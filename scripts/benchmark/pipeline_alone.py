"""A worker: texts a second of the plain pipeline in one process, in batches, on any device.

A job on stdin: `{"checkpoint", "texts", "device", "precisions", "batches", "workers", "parts"}`;
workers are processes that tokenise. Texts come sorted by length, as suits the pipeline best: all of
a batch are padded to its longest.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

from transformers import Pipeline

from scripts.benchmark.plain_pipeline import load_pipeline
from scripts.benchmark.turns import rates


def main() -> None:
    job = json.load(sys.stdin)
    texts = sorted(job["texts"], key=len)
    found: dict[str, float] = {}
    for precision in job["precisions"]:
        classify = load_pipeline(job["checkpoint"], job["device"], precision)
        ways = {}
        for size, workers in product(job["batches"], job["workers"]):
            classify(texts[-size:], batch_size=size)  # kernels are chosen and memory is taken
            ways[_name(size, precision, workers)] = partial(_classifying, classify, size, workers)
        found |= rates(ways, texts, job["parts"])
    print(json.dumps(found))


def _name(size: int, precision: str, workers: int) -> str:
    texts = "1 text" if size == 1 else f"{size} texts"
    return f"{texts}, {precision}" + (f", {workers} tokenising processes" if workers else "")


def _classifying(
    classify: Pipeline, size: int, workers: int, texts: Sequence[str]
) -> Callable[[], None]:
    def work() -> None:
        classify(list(texts), batch_size=size, num_workers=workers)

    return work


if __name__ == "__main__":
    main()
