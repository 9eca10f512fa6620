"""What watches a server: the log, Prometheus and CloudWatch are told the same."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from function.api.embedded_metrics import age_of, embed
from function.api.observability import Record, encode, of_request, write_lines
from function.batching.reader import Batch
from function.core.artifact import Artifact
from function.core.types import ModelInfo
from function.server.load_report import LoadReport
from function.server.prometheus import PrometheusMetrics, Sample


class Watched(Protocol):
    """An engine with a queue."""

    @property
    def waiting(self) -> int:
        """Windows that stand in it."""
        ...

    def models(self) -> Sequence[ModelInfo]:
        """What is served."""
        ...


class ServerSignals:
    """The sink of requests, the watch of batches, and what tells of them.

    service: what CloudWatch keeps the server's metrics by.
    """

    def __init__(self, service: str) -> None:
        self._service, self._load = service, LoadReport()
        self._metrics = PrometheusMetrics()
        self._created: dict[str, datetime] = {}
        self.exposition = self._metrics.exposition

    def follow(self, engine: Watched) -> None:
        """Tell of an engine from now on."""
        self._engine = engine
        self._metrics.gauge("queue_windows", lambda: [((), engine.waiting)])
        self._metrics.gauge("model_info", self._infos)
        self._metrics.gauge("model_age_days", self._ages)

    def loaded(self, artifact: Artifact) -> None:
        """Tell a model's age from now on."""
        self._created[artifact.manifest.model] = artifact.manifest.created

    def request(self, record: Record) -> None:
        """Write the line of a request, and count it."""
        write_lines(encode(record))
        counted = of_request(record)
        self._metrics.count(counted)
        self._load.request(counted)

    def batch(self, model: ModelInfo, batch: Batch) -> None:
        """Count a call of the model."""
        self._load.waiting(self._engine.waiting)
        self._metrics.count(
            {
                "model": model.name,
                "version": model.version,
                "batch_windows": batch.windows,
                "batch_tokens": batch.tokens,
                "batch_padded_tokens": batch.padded_tokens,
                "batch_ms": 1000 * batch.seconds,
                "batch_failures": int(batch.failed),
            }
        )

    def report(self) -> None:
        """Write the load since the last report, and how old the models are, for CloudWatch."""
        common = {"level": "info", "route": "load", "service": self._service}
        write_lines(embed("load", {**common, **self._load.take(self._engine.waiting)}))
        for age in self._age_records():
            write_lines(embed("age", {**common, **age}))

    def _age_records(self) -> Iterator[Record]:
        for model in self._engine.models():
            if model.name in self._created:
                yield age_of(model, self._created[model.name])

    def _ages(self) -> Iterator[Sample]:
        for age in self._age_records():
            yield (age["model"], age["version"]), age["model_age_days"]

    def _infos(self) -> Iterator[Sample]:
        for model in self._engine.models():
            yield (model.name, model.version, model.digest, model.task), 1
