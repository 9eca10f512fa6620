"""A worker that stays: texts a second of the session alone, over tokens that lie ready.

On the first line of stdin `{"model", "threads", "texts"}`, on each other one `{"batches", "start",
"step", "parts"}`: which batches (see `batched`) are tried over every so-manieth text, and in how
many turns. Each of these is answered with texts a second by batch.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.backend import Backend, pad
from function.core.tokenization import TokenIds
from scripts.benchmark.answering import Tokens
from scripts.benchmark.turns import rates


def main() -> None:
    job = json.loads(sys.stdin.readline())
    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = [tokens.of(text) for text in job["texts"]]
    backend = OnnxBackend(artifact, job["threads"])
    backend.run(*pad(sorted(windows, key=len)[-2:], tokens.pad_id))
    for line in sys.stdin:
        asked = json.loads(line)
        chosen = sorted(windows[asked["start"] :: asked["step"]], key=len)
        ways = {name: partial(reading, backend, tokens.pad_id, name) for name in asked["batches"]}
        print(json.dumps(rates(ways, chosen, asked["parts"])), flush=True)


def reading(
    backend: Backend, pad_id: int, batch: str, windows: Sequence[TokenIds]
) -> Callable[[], None]:
    """All windows in batches, padded and ready, as work to be timed."""
    ready = [pad(chosen, pad_id) for chosen in batched(windows, batch)]

    def read() -> None:
        for input_ids, attention_mask in ready:
            backend.run(input_ids, attention_mask)

    return read


def batched(windows: Sequence[TokenIds], batch: str) -> list[list[TokenIds]]:
    """Neighbours of a row that is sorted from short to long.

    batch: "4 texts" at most, or as many as take "512 tokens", padding included.
    """
    most, unit = int(batch.split()[0]), batch.split()[1]
    batches: list[list[TokenIds]] = []
    for window in windows:
        size = 1 + len(batches[-1]) if batches else 1
        cost = size * len(window) if unit == "tokens" else size
        if batches and cost <= most:
            batches[-1].append(window)
        else:
            batches.append([window])
    return batches


if __name__ == "__main__":
    main()
