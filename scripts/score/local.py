"""Scoring on this machine, on all of its cores.

    texts ─► tokens ─► batches by length ─► one core each ─► results, a chunk of rows at a time

Each core runs batches of its own with one thread, because cores that share a batch wait for each
other. While they run one chunk the next is tokenised and queued behind it: no core is ever idle.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from function.core.catalog import choose_default
from function.core.errors import InputError, PredictionError
from function.core.manifest import MANIFEST
from function.core.predictor import Predictor
from function.core.tokenization import Text
from function.core.types import Options
from function.core.windows import ModelInputs, WindowedText
from scripts.common.errors import UsageError
from scripts.common.processes import usable_cores
from scripts.data.rows import RowError, batched
from scripts.evaluate.evaluation import open_predictor
from scripts.score.rows import Advance, Row, RowResult, collect, rejected, scored

BATCH_TOKENS = 512  # padded, of one call: a larger one is no faster on one core
CHUNK_ROWS = 256  # two chunks are in memory, with all tokens of each text
OPTIONS = Options()

IndexedText = tuple[int, WindowedText]  # a tokenised text and its index in the chunk


class PendingChunk(NamedTuple):
    """Rows that are scored together, by their index: results so far, and those to come."""

    known: dict[int, RowResult]
    pending: list[Future[dict[int, RowResult]]]


class LocalModel:
    """A `rows.Scorer` that runs an artifact in this process."""

    chunk_rows = CHUNK_ROWS

    def __init__(self, predictor: Predictor, cores: int) -> None:
        """Score with a predictor whose backend takes one thread per call."""
        self._predictor, self._cores = predictor, cores
        self._version = predictor.artifact.version

    @property
    def answer_key(self) -> str:
        return self._predictor.artifact.manifest.decoding.answer_key

    @property
    def identity(self) -> dict[str, str]:
        artifact = self._predictor.artifact
        return {
            "model": artifact.manifest.model,
            "version": self._version,
            "digest": artifact.digest,
            "cascade": "auto" if self._predictor.has_first_stage else "off",
        }

    def score(
        self, rows: Iterator[Row], _run: str, advance: Advance
    ) -> Iterator[Sequence[RowResult]]:
        cores = ThreadPoolExecutor(self._cores)
        chunks: deque[PendingChunk] = deque()
        try:
            for chunk in batched(rows, self.chunk_rows):
                chunks.append(self._submit(self._tokenise(chunk), cores))
                if len(chunks) > 1:
                    yield collect(*chunks.popleft(), advance)
            while chunks:
                yield collect(*chunks.popleft(), advance)
        finally:
            cores.shutdown(cancel_futures=True)

    def _tokenise(self, chunk: Sequence[Row]) -> list[RowResult | WindowedText]:
        """Return the tokens of each text, or its rejection."""
        texts = iter(self._read([row.text for row in chunk if not isinstance(row.text, RowError)]))
        return [
            rejected(row.text.reason) if isinstance(row.text, RowError) else next(texts)
            for row in chunk
        ]

    def _read(self, texts: Sequence[Text]) -> list[RowResult | WindowedText]:
        """Tokenise texts; where one is refused try both halves, until it is alone."""
        if not texts:
            return []
        try:
            return list(self._predictor.encode(texts, OPTIONS).texts)
        except InputError as error:
            if len(texts) == 1:
                return [rejected(str(error))]
        middle = len(texts) // 2
        return [*self._read(texts[:middle]), *self._read(texts[middle:])]

    def _submit(
        self, chunk: Sequence[RowResult | WindowedText], cores: ThreadPoolExecutor
    ) -> PendingChunk:
        """Queue the tokenised texts of a chunk."""
        texts = [(index, each) for index, each in enumerate(chunk) if not isinstance(each, dict)]
        known = {index: each for index, each in enumerate(chunk) if isinstance(each, dict)}
        if answered := [each for each in texts if not each[1].windows]:
            known |= self._predict(answered)  # by the first stage: nothing is left to run
        left = [each for each in texts if each[1].windows]
        return PendingChunk(known, [cores.submit(self._predict, each) for each in _batches(left)])

    def _predict(self, batch: Sequence[IndexedText]) -> dict[int, RowResult]:
        reading = ModelInputs([text for _, text in batch])
        outputs = self._predictor.run(reading.windows, BATCH_TOKENS)
        try:
            predictions = self._predictor.decode(reading, outputs, OPTIONS)
        except PredictionError as error:
            if len(batch) == 1:
                return {batch[0][0]: rejected(str(error))}
            return {
                index: result for each in batch for index, result in self._predict([each]).items()
            }
        return {
            index: scored(asdict(prediction), self._version)
            for (index, _), prediction in zip(batch, predictions, strict=True)
        }


def open_local(model: str | None, *, cascade: bool = True) -> LocalModel:
    """Open a model of MODELS_DIR by name (None: the default one), or an artifact by its folder.

    Without its `cascade` the full model reads every text.

    Raises UsageError if there is no such model, ArtifactError if it is damaged.
    """
    models = Path(os.environ.get("MODELS_DIR", "build/models"))
    names = [file.parent.name for file in models.glob(f"*/{MANIFEST}")]
    if model is None and names:
        model = choose_default(names, os.environ.get("DEFAULT_MODEL", "sentiment"))
    for folder in (Path(model), models / model) if model else ():
        if (folder / MANIFEST).is_file():
            return LocalModel(open_predictor(folder, threads=1, cascade=cascade), usable_cores())
    raise UsageError(
        f"no model '{model}' in {models}, which has {', '.join(sorted(names)) or 'none'}, and no "
        "artifact of that name: 'make models' fetches those in production"
    )


def _batches(texts: Sequence[IndexedText]) -> list[list[IndexedText]]:
    """Return texts of similar length together, the longest first.

    So no core starts a long batch when the others are done.
    """
    batches: list[list[IndexedText]] = []
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
