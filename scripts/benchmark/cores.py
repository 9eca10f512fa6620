"""Whose work the cores did: that of the benchmark, or something else's on the machine."""

from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True)
class Work:
    """Seconds of cores since some beginning. machine: of all that ran. ours: of a process and
    those that it has started."""

    machine: float
    ours: float

    @classmethod
    def of(cls, process: psutil.Process) -> Self:
        """So far."""
        times = psutil.cpu_times()._asdict()
        # Guests' time is in the users' already, and waiting for a disk is none.
        idle = {"idle", "iowait", "guest", "guest_nice"}
        machine = sum(spent for kind, spent in times.items() if kind not in idle)
        family = [process, *process.children(recursive=True)]
        return cls(machine, sum(_spent(member) for member in family))

    def elsewhere(self, before: Self) -> float:
        """Seconds of cores that something else took meanwhile."""
        return max(0.0, self.machine - before.machine - (self.ours - before.ours))


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
