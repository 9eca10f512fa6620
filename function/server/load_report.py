"""Load of a server as a log line, on which CloudWatch scales and alarms."""

from collections import Counter, deque
from collections.abc import Sequence

from function.api.embedded_metrics import MAX_VALUES
from function.api.observability import Record, is_probe

MAX_LATENCIES = 10_000  # between two lines; if there are more, the most recent ones
COUNTED = ("requests", "errors", "refused")


class LoadReport:
    """Requests, latencies and queue since the last line. Probes do not count."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._counts: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=MAX_LATENCIES)
        self._longest_queue = 0

    def count_request(self, record: Record) -> None:
        """Count a request, from its record with counters."""
        if is_probe(record):
            return
        self._counts.update({member: record[member] for member in COUNTED})
        if "texts" in record and "total_ms" in record:
            self._latencies.append(record["total_ms"])

    def observe_queue(self, windows: int) -> None:
        """Record the number of waiting windows."""
        self._longest_queue = max(self._longest_queue, windows)

    def take(self, waiting: int) -> Record:
        """Return the record of the load, and start the next one; `waiting` windows wait now."""
        self.observe_queue(waiting)
        record = {
            **{member: self._counts[member] for member in COUNTED},
            "total_ms": _spread(sorted(self._latencies)),
            "queue_windows": waiting,
            "queue_windows_max": self._longest_queue,
        }
        self._start()
        return record


def _spread(ordered: Sequence[float]) -> list[float]:
    """Return at most `MAX_VALUES` values with the same quantiles."""
    if len(ordered) <= MAX_VALUES:
        return list(ordered)
    step = len(ordered) / MAX_VALUES
    return [ordered[int((index + 0.5) * step)] for index in range(MAX_VALUES)]
