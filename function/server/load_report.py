"""A server's load as a line of its log, for what CloudWatch must scale and alarm on."""

from collections import Counter, deque
from collections.abc import Sequence

from function.api.embedded_metrics import MAX_VALUES
from function.api.observability import Record, is_probe

KEPT = 10_000  # latencies between two lines; of more, the last ones
COUNTED = ("requests", "errors", "refused")


class LoadReport:
    """What happened since the last line. Probes do not count."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._counts: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self._waited = 0

    def request(self, record: Record) -> None:
        """Count a request: its record, and what is counted of each."""
        if is_probe(record):
            return
        self._counts.update({member: record[member] for member in COUNTED})
        if "texts" in record:
            self._latencies.append(record["total_ms"])

    def waiting(self, windows: int) -> None:
        """Take note of how many windows wait."""
        self._waited = max(self._waited, windows)

    def take(self, waiting: int) -> Record:
        """The record of the load, from which the next one starts. waiting: windows, now."""
        self.waiting(waiting)
        record = {
            **{member: self._counts[member] for member in COUNTED},
            "total_ms": _spread(sorted(self._latencies)),
            "queue_windows": waiting,
            "queue_windows_max": self._waited,
        }
        self._start()
        return record


def _spread(ordered: Sequence[float]) -> list[float]:
    """As many values as a line may hold, with the quantiles of all."""
    if len(ordered) <= MAX_VALUES:
        return list(ordered)
    step = len(ordered) / MAX_VALUES
    return [ordered[int((place + 0.5) * step)] for place in range(MAX_VALUES)]
