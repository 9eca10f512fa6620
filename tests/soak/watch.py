"""Memory and descriptors of a process under load, and whether they grow."""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

SAMPLES = 240
FLAT = 0.02
WARM_UP = 1 / 2  # of the time, after which every shape of batch has occurred


@dataclass(frozen=True)
class Sample:
    """seconds: since the load began. memory: resident bytes."""

    seconds: float
    memory: int
    descriptors: int
    threads: int


@contextmanager
def watching(pid: int, seconds: float) -> Iterator[list[Sample]]:
    """Yield samples of a process, taken in a thread; the last one at the end of the block."""
    samples: list[Sample] = []
    done = threading.Event()
    process, begun = psutil.Process(pid), time.perf_counter()

    def watch() -> None:
        over = False
        while not over:
            samples.append(_sample(process, time.perf_counter() - begun))
            over = done.wait(max(0.5, seconds / SAMPLES))
        samples.append(_sample(process, time.perf_counter() - begun))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def growth(samples: Sequence[Sample], seconds: float) -> tuple[float, float]:
    """Return the growth of memory in the second half of these seconds, by least squares.

    Returns:
        Bytes a minute, and the growth in that half as a share of the median.
    """
    warm = [sample for sample in samples if WARM_UP * seconds <= sample.seconds <= seconds]
    memory = [sample.memory for sample in warm]
    slope = statistics.linear_regression([sample.seconds for sample in warm], memory).slope
    spanned = warm[-1].seconds - warm[0].seconds
    return 60 * slope, slope * spanned / statistics.median(memory)


def leaked(samples: Sequence[Sample]) -> int:
    """Return how many more descriptors are open after all clients have gone than before."""
    return samples[-1].descriptors - samples[0].descriptors


def _sample(process: psutil.Process, seconds: float) -> Sample:
    with process.oneshot():
        return Sample(seconds, process.memory_info().rss, process.num_fds(), process.num_threads())
