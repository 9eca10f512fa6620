"""Signals of a server: the log, Prometheus and CloudWatch get the same figures."""

from collections.abc import Iterator
from datetime import datetime

from function.api.embedded_metrics import age_record, embed
from function.api.observability import Record, counters, encode_json, write_lines
from function.batching.engine import BatchingEngine
from function.batching.runner import BatchRun
from function.core.artifact import Artifact
from function.core.types import ModelInfo
from function.server.load_report import LoadReport
from function.server.prometheus import GaugeSample, PrometheusMetrics


class ServerSignals:
    """Sink of requests and batches, which updates metrics and writes log lines."""

    def __init__(self, service: str) -> None:
        """Create a sink; `service` is CloudWatch's dimension of the server's metrics."""
        self._service, self._load = service, LoadReport()
        self._metrics = PrometheusMetrics()
        self._created: dict[str, datetime] = {}
        self.exposition = self._metrics.exposition

    def attach(self, engine: BatchingEngine) -> None:
        """Report an engine's queue and models from now on."""
        self._engine = engine
        self._metrics.add_gauge("queue_windows", lambda: [((), engine.waiting)])
        self._metrics.add_gauge("model_info", self._infos)
        self._metrics.add_gauge("model_age_days", self._ages)

    def add_model(self, artifact: Artifact) -> None:
        """Report a loaded model's age from now on."""
        self._created[artifact.manifest.model] = artifact.manifest.created

    def record_request(self, record: Record) -> None:
        """Write the line of a request, and count it."""
        write_lines(encode_json(record))
        counted = {**counters(record), **record}
        self._metrics.count(counted)
        self._load.count_request(counted)

    def record_batch(self, model: ModelInfo, run: BatchRun) -> None:
        """Count a model call."""
        self._load.observe_queue(self._engine.waiting)
        self._metrics.count(
            {
                "model": model.name,
                "version": model.version,
                "batch_windows": run.windows,
                "batch_tokens": run.tokens,
                "batch_padded_tokens": run.padded_tokens,
                "batch_ms": 1000 * run.seconds,
                "batch_failures": int(run.failed),
            }
        )

    def report(self) -> None:
        """Write the load since the last report, and the ages of the models, for CloudWatch."""
        common = {"level": "info", "route": "load", "service": self._service}
        write_lines(embed("load", {**common, **self._load.take(self._engine.waiting)}))
        for age in self._age_records():
            write_lines(embed("age", {**common, **age}))

    def _age_records(self) -> Iterator[Record]:
        for model in self._engine.models():
            if model.name in self._created:
                yield age_record(model, self._created[model.name])

    def _ages(self) -> Iterator[GaugeSample]:
        for age in self._age_records():
            yield (age["model"], age["version"]), age["model_age_days"]

    def _infos(self) -> Iterator[GaugeSample]:
        for model in self._engine.models():
            yield (model.name, model.version, model.digest, model.task), 1
