"""Figures that a run measures, and the numbers that follow from them."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

Side = Literal["raw", "server", "pipeline"]


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one quantity, in its unit."""

    median: float
    minimum: float
    maximum: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Latency:
    """Percentiles of the milliseconds that answers took."""

    p50: float
    p95: float
    p99: float
    count: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Self:
        p50, p95, p99 = map(float, np.percentile(milliseconds, (50, 95, 99)))
        return cls(p50, p95, p99, len(milliseconds))


@dataclass(frozen=True)
class ModelFigures:
    """One model: bytes of its folder, latency by length, peak bytes of a handler with it alone."""

    version: str
    task: str
    bytes: int
    latency: dict[str, Latency]
    peak: int


@dataclass(frozen=True)
class Models:
    """Figures by model, the default one first; peak bytes of one handler with all of them."""

    by_name: dict[str, ModelFigures]
    together: int


@dataclass(frozen=True)
class Signals:
    """Milliseconds at one length with all signals on (`logged`) and off (`silent`)."""

    logged: Latency
    silent: Latency
    paired: float  # median difference of two neighbouring answers, which has the budget


@dataclass(frozen=True)
class LoadRun:
    """One server under one load."""

    texts_per_second: float  # while all clients asked
    milliseconds: list[float]  # of each answer
    generator: float  # cores that the load generator used meanwhile
    elsewhere: float  # cores that processes outside the benchmark used meanwhile


@dataclass(frozen=True)
class LoadRound:
    """Load runs at one level, one after the other."""

    clients: int
    backend: float  # texts a second of the session alone, in its best batches
    ours: LoadRun
    pipeline: LoadRun | None  # None if it had no turn

    @property
    def over_backend(self) -> float:
        """Return our server's texts a second over those of the session alone."""
        return self.ours.texts_per_second / self.backend

    @property
    def over_pipeline(self) -> float | None:
        """Return our server's texts a second over those of the pipeline's."""
        if self.pipeline is None:
            return None
        return self.ours.texts_per_second / self.pipeline.texts_per_second


@dataclass(frozen=True)
class Throughput:
    """All rounds under load, and texts a second in one process, by batch."""

    rounds: list[LoadRound]
    backend: dict[str, float]
    best: str  # the backend's fastest batch, which all rounds use
    pipeline: dict[str, float]
    ceiling: float  # requests a second of the load generator against the echo server

    def spread(self, clients: int, figure: Callable[[LoadRound], float | None]) -> Spread:
        """Return a figure's spread over the rounds of one level.

        Ratios above all are taken so: a machine's speed drifts from round to round, and less
        within one.
        """
        found = (figure(each) for each in self.rounds if each.clients == clients)
        return Spread.of([value for value in found if value is not None])

    def latency(self, clients: int, side: Callable[[LoadRound], LoadRun | None]) -> Latency:
        """Return the latency of all answers of one side at one level."""
        runs = (side(each) for each in self.rounds if each.clients == clients)
        return Latency.of([one for run in runs if run for one in run.milliseconds])

    @property
    def elsewhere(self) -> Spread:
        """Return the cores that processes outside the benchmark used."""
        return Spread.of([run.elsewhere for run in self._runs()])

    @property
    def generator_share(self) -> float:
        """Return the most of a core that the load generator ever used."""
        return max(run.generator for run in self._runs())

    def _runs(self) -> Iterable[LoadRun]:
        return (run for each in self.rounds for run in (each.ours, each.pipeline) if run)


@dataclass(frozen=True)
class BulkRound:
    """Texts a second of the session alone, before and after, and of `scripts.score` in between."""

    backend: float
    command: float


@dataclass(frozen=True)
class Bulk:
    """Rounds over a file of `rows` rows."""

    rows: int
    rounds: list[BulkRound]

    @property
    def shares(self) -> Spread:
        """Return the command's rate over the session's."""
        return Spread.of([each.command / each.backend for each in self.rounds])


@dataclass(frozen=True)
class Compared:
    """Texts a second with a cascade, and with every text read by the full model."""

    auto: float
    off: float

    @property
    def times(self) -> float:
        return self.auto / self.off


@dataclass(frozen=True)
class CascadeFigures:
    """A cascade compared with its own full model, on the same texts."""

    texts: int  # through the handler, one by one
    share: float  # of them, answered by the first stage
    auto: Latency  # of all, with the cascade
    off: Latency  # of all, without it
    left: Latency  # of those that went on to the full model
    left_off: Latency  # of the same texts, without a cascade
    server: list[Compared]  # rounds of our server under load
    files: list[Compared]  # rounds of `scripts.score`


@dataclass(frozen=True)
class ColdStart:
    """One first answer from a file system of which nothing was in memory."""

    bytes: int  # read of files, in pages
    files: int  # of which something was read
    chunks: int  # of 512 KB that hold what was read, were all files in a row
    seconds: float  # from the start of the process to its end
    touched: dict[str, int]  # bytes by file


@dataclass(frozen=True)
class ColdImage:
    """Starts of median time, by program and readahead."""

    starts: dict[str, ColdStart]


@dataclass(frozen=True)
class Installed:
    """Bytes of our packages, code and models, and of the baseline's packages and checkpoint."""

    packages: int
    function: int
    models: int
    largest: dict[str, int]
    baseline_packages: int
    checkpoint: int

    @property
    def ours(self) -> int:
        return self.packages + self.function + self.models

    @property
    def theirs(self) -> int:
        return self.baseline_packages + self.checkpoint


@dataclass(frozen=True)
class GpuRound:
    """Texts a second of the raw model and the pipeline by batch, and our server by load."""

    raw: dict[str, float]
    server: dict[str, LoadRun]
    pipeline: dict[str, float]

    def rates(self, side: Side) -> Mapping[str, float]:
        """Return texts a second of one side."""
        if side == "server":
            return {load: run.texts_per_second for load, run in self.server.items()}
        return self.raw if side == "raw" else self.pipeline
