"""Configuration of bulk scoring."""

from dataclasses import dataclass

from infra.configuration.checks import Section
from infra.configuration.function import UNRESERVED


@dataclass(frozen=True, kw_only=True)
class BulkConfiguration(Section, prefix="bulk"):
    """Scoring of whole files on S3, and the limits of a run.

    Attributes:
        concurrency: Batches at a time, each an invocation that counts against the account's limit.
            An account whose limit is below 100, such as a new one, gives a quarter of it at most.
        batch_texts: Rows in a batch.
        batch_bytes: Size of a batch as JSON. The request escapes it again, which makes at most
            192 KB of 64,000 bytes; a state may carry 256 KB.
        maximum_rows: Rows that a run reads; it ignores the rest of the file.
        tolerated_failures_percent: Share of rows in failed batches above which a run stops.
        keep_days: Days after which files and results are deleted.
    """

    concurrency: int = 5
    batch_texts: int = 32
    batch_bytes: int = 64_000
    maximum_rows: int = 1_000_000
    tolerated_failures_percent: float = 5
    timeout_hours: int = 24
    keep_days: int = 30
    memory_megabytes: int = 1769

    def batches_at_a_time(self, free: int | None = None) -> int:
        """Return the concurrency, where `free` executions of the account are not reserved."""
        if free is None or free >= UNRESERVED:
            return self.concurrency
        return min(self.concurrency, max(1, free // 4))

    def __post_init__(self) -> None:
        self.require_between("concurrency", 1, 10_000, "batches")
        self.require_between("batch_texts", 1, 128, "texts")
        self.require_between("batch_bytes", 1_000, 64_000, "bytes")
        self.require_between("maximum_rows", 1, 100_000_000, "rows")
        self.require_between("tolerated_failures_percent", 0, 100, "percent")
        self.require_between("timeout_hours", 1, 24 * 365, "hours")
        self.require_between("keep_days", 1, 3650, "days")
        self.require_between("memory_megabytes", 512, 10_240, "MB")
