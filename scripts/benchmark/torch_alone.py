"""A worker: texts a second of the torch backend alone, over tokens that lie ready, by batch."""

import json
import sys
from functools import partial
from pathlib import Path

from function.backends.torch_backend import TorchBackend
from function.core.artifact import open_artifact
from scripts.benchmark import flops
from scripts.benchmark.answering import Tokens
from scripts.benchmark.backend_alone import reading
from scripts.benchmark.turns import rates


def main() -> None:
    job = json.load(sys.stdin)
    artifact = open_artifact(Path(job["model"]))
    tokens = Tokens(artifact)
    windows = sorted((tokens.of(text) for text in job["texts"]), key=len)
    backend = TorchBackend(artifact, device=job["device"], precision=job["precision"])
    ways = {batch: partial(reading, backend, tokens.pad_id, batch) for batch in job["batches"]}
    for prepare in ways.values():  # kernels are chosen and memory is taken
        prepare(windows)()
    shape = flops.Shape.read(artifact.file("config"))
    print(
        json.dumps(
            {
                "precision": backend.precision,
                "rates": rates(ways, windows, job["parts"]),
                "tokens": sum(map(len, windows)) / len(windows),
                "flops": sum(flops.forward(shape, len(w)) for w in windows) / len(windows),
            }
        )
    )


if __name__ == "__main__":
    main()
