"""A model that a test can hold back or kill, and engines over a catalog of it."""

import threading

from function.backends.onnx_backend import OnnxBackend
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine

LIMITS = BatchLimits(64, 4, 0.001)


class Held:
    """The tiny model behind a gate. Fails on everything once it is dead."""

    def __init__(self, artifact):
        self._backend = OnnxBackend(artifact, 1)
        self.gate = threading.Event()
        self.gate.set()
        self.dead = False
        self.shapes = []

    def run(self, input_ids, attention_mask):
        self.gate.wait(5)
        self.shapes.append(input_ids.shape)
        if self.dead:
            raise RuntimeError("CUDA error: unspecified launch failure")
        return self._backend.run(input_ids, attention_mask)


def engine_of(catalog, queue=100, calls=1, limits=LIMITS, seconds=None):
    return BatchingEngine(catalog, lambda _: limits, calls=calls, queue=queue, seconds=seconds)
