"""Several ways to do the same work, timed in turns: what else a machine does befalls all."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Prepare = Callable[[Sequence[Item]], Callable[[], None]]


def rates(ways: Mapping[str, Prepare[Item]], items: Sequence[Item], parts: int) -> dict[str, float]:
    """Items a second of each way.

    ways: take items and return the work to be timed. items: are cut into as many `parts` as there
    are turns, each with every so-manieth item, so that in a sorted row all parts are alike.
    """
    seconds = dict.fromkeys(ways, 0.0)
    for part in range(parts):
        for name, prepare in ways.items():
            work = prepare(items[part::parts])
            begun = time.perf_counter()
            work()
            seconds[name] += time.perf_counter() - begun
    return {name: len(items) / spent for name, spent in seconds.items()}
