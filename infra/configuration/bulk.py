"""Bulk scoring, of a stage that has it."""

from dataclasses import dataclass

from infra.configuration.checks import keys, require_between


@keys("bulk")
@dataclass(frozen=True, kw_only=True)
class BulkConfiguration:
    """Scoring of whole files on S3, within limits on what a run may take.

    concurrency: batches at a time, each an invocation; it counts against the account's.
    batch_texts, batch_bytes: rows of a batch, and their size as JSON. The request that carries them
    escapes them again, which at worst makes 192 KB of 64,000 bytes; states carry 256 KB.
    maximum_rows: what lies behind is not read. tolerated_failures_percent: of rows whose batch
    failed, above which a run is stopped. timeout_hours: of a run. keep_days: files and results.
    """

    concurrency: int = 5
    batch_texts: int = 32
    batch_bytes: int = 64_000
    maximum_rows: int = 1_000_000
    tolerated_failures_percent: float = 5
    timeout_hours: int = 24
    keep_days: int = 30
    memory_megabytes: int = 1769

    def __post_init__(self) -> None:
        require_between(self.concurrency, 1, 10_000, "bulk.concurrency", "batches")
        require_between(self.batch_texts, 1, 128, "bulk.batch_texts", "texts")
        require_between(self.batch_bytes, 1_000, 64_000, "bulk.batch_bytes", "bytes")
        require_between(self.maximum_rows, 1, 100_000_000, "bulk.maximum_rows", "rows")
        require_between(
            self.tolerated_failures_percent, 0, 100, "bulk.tolerated_failures_percent", "percent"
        )
        require_between(self.timeout_hours, 1, 24 * 365, "bulk.timeout_hours", "hours")
        require_between(self.keep_days, 1, 3650, "bulk.keep_days", "days")
        require_between(self.memory_megabytes, 512, 10_240, "bulk.memory_megabytes", "MB")
