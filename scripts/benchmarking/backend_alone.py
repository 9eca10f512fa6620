"""A worker: texts a second of the session alone, over tokens that lie ready, in sorted batches."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.backend import pad
from function.core.tokenization import TokenIds
from scripts.benchmarking.answering import Tokens


def main() -> None:
    job = json.load(sys.stdin)
    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = sorted((tokens.of(text) for text in job["texts"]), key=len)
    backend = OnnxBackend(artifact, job["threads"])
    rates = {}
    for size in job["batches"]:
        batches = batched(windows, size, tokens.pad_id)
        backend.run(*batches[0])
        begun, answered = time.perf_counter(), 0
        for batch in batches:
            backend.run(*batch)
            answered += len(batch[0])
        rates[str(size)] = answered / (time.perf_counter() - begun)
    print(json.dumps(rates))


def batched(windows: Sequence[TokenIds], size: int, pad_id: int) -> list[tuple[TokenIds, TokenIds]]:
    """Padded neighbours of a sorted row."""
    return [pad(windows[start : start + size], pad_id) for start in range(0, len(windows), size)]


if __name__ == "__main__":
    main()
