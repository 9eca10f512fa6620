"""Scoring on this machine, on all of its cores.

    texts ─► tokens ─► batches by length ─► one core each ─► outcomes, a lot of rows at a time

Each core reads a batch of its own with one thread: cores that share a batch wait for each other.
While they read a lot the next one is cut into tokens, and queued behind it: no core is ever idle.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from function.core.artifact import MANIFEST
from function.core.errors import InputError, PredictionError
from function.core.predictor import Predictor
from function.core.types import Options
from function.core.windows import ModelInputs, WindowedText
from scripts.common.errors import UsageError
from scripts.evaluate.evaluation import open_predictor
from scripts.score.rows import Advance, Flaw, Outcome, Row, in_lots, rejected, scored

BATCH_TOKENS = 512  # padded, of one call: past that a larger one is no faster on a core
ROWS = 256  # of a lot; two are in memory, with the tokens of all of each text
OPTIONS = Options()

Read = tuple[int, WindowedText]  # its place in the lot


@dataclass(frozen=True)
class Lot:
    """Rows that are scored together, by their places: what is known of them, and what is coming."""

    known: dict[int, Outcome]
    coming: list[Future[dict[int, Outcome]]]


class LocalModel:
    """See `scoring.scorer.Scorer`."""

    rows_at_once = ROWS

    def __init__(self, predictor: Predictor, cores: int) -> None:
        """predictor: whose backend takes one thread a call."""
        self._predictor, self._cores = predictor, cores
        self._version = predictor.artifact.version

    @property
    def identity(self) -> dict[str, str]:
        artifact = self._predictor.artifact
        return {
            "model": artifact.manifest.model,
            "version": self._version,
            "digest": artifact.digest,
        }

    def score(self, rows: Iterator[Row], run: str, advance: Advance) -> Iterator[Sequence[Outcome]]:  # noqa: ARG002
        cores = ThreadPoolExecutor(self._cores)
        under_way: deque[Lot] = deque()
        try:
            for lot in in_lots(rows, self.rows_at_once):
                under_way.append(self._begin(self._read(lot), cores))
                if len(under_way) > 1:
                    yield _collect(under_way.popleft(), advance)
            while under_way:
                yield _collect(under_way.popleft(), advance)
        finally:
            cores.shutdown(cancel_futures=True)

    def _read(self, lot: Sequence[Row]) -> list[Outcome | WindowedText]:
        """The tokens of each text, or why there are none."""
        read = iter(self._readable([row.text for row in lot if isinstance(row.text, str)]))
        return [
            rejected(row.text.reason) if isinstance(row.text, Flaw) else next(read) for row in lot
        ]

    def _readable(self, texts: Sequence[str]) -> list[Outcome | WindowedText]:
        """By halves, until a text that cannot be read stands alone."""
        if not texts:
            return []
        try:
            return list(self._predictor.encode(texts, OPTIONS).texts)
        except InputError as error:
            if len(texts) == 1:
                return [rejected(str(error))]
        middle = len(texts) // 2
        return [*self._readable(texts[:middle]), *self._readable(texts[middle:])]

    def _begin(self, lot: Sequence[Outcome | WindowedText], cores: ThreadPoolExecutor) -> Lot:
        """Queue what can be read of a lot."""
        texts = [(place, each) for place, each in enumerate(lot) if isinstance(each, WindowedText)]
        return Lot(
            {place: each for place, each in enumerate(lot) if isinstance(each, dict)},
            [cores.submit(self._predict, batch) for batch in _batches(texts)],
        )

    def _predict(self, batch: Sequence[Read]) -> dict[int, Outcome]:
        reading = ModelInputs([text for _, text in batch])
        outputs = self._predictor.run(reading.windows, BATCH_TOKENS)
        try:
            predictions = self._predictor.decode(reading, outputs, OPTIONS)
        except PredictionError as error:
            if len(batch) == 1:
                return {batch[0][0]: rejected(str(error))}
            return {
                place: found for each in batch for place, found in self._predict([each]).items()
            }
        return {
            place: scored(asdict(prediction), self._version)
            for (place, _), prediction in zip(batch, predictions, strict=True)
        }


def _collect(lot: Lot, advance: Advance) -> list[Outcome]:
    """Wait for all of a lot, and put it in order."""
    outcomes = dict(lot.known)
    if outcomes:
        advance(len(outcomes))
    for done in as_completed(lot.coming):
        outcomes |= done.result()
        advance(len(done.result()))
    return [outcomes[place] for place in range(len(outcomes))]


def _batches(texts: Sequence[Read]) -> list[list[Read]]:
    """Neighbours by length, the longest first: no core begins a long one when others are done."""
    batches: list[list[Read]] = []
    windows = width = 0
    for each in sorted(texts, key=lambda each: _width(each[1]), reverse=True):
        own = len(each[1].windows)
        if batches and (windows + own) * width <= BATCH_TOKENS:
            batches[-1].append(each)
            windows += own
        else:
            batches.append([each])
            windows, width = own, _width(each[1])
    return batches


def _width(text: WindowedText) -> int:
    return max(map(len, text.windows))


def open_local(model: str | None) -> LocalModel:
    """A model of MODELS_DIR by name, None for the default one, or an artifact by its folder.

    Raises UsageError where there is none, ArtifactError where it is damaged.
    """
    models = Path(os.environ.get("MODELS_DIR", "build/models"))
    name = model or os.environ.get("DEFAULT_MODEL", "sentiment")
    for folder in (Path(name), models / name):
        if (folder / MANIFEST).is_file():
            return LocalModel(open_predictor(folder, threads=1), _cores())
    raise UsageError(
        f"no model '{name}' in {models}, and no artifact of that name: 'make models' fetches "
        "those in production"
    )


def _cores() -> int:
    """That this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
