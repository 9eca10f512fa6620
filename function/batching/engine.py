"""The engine of a server: many requests at once, read together.

request ─► room? ─► tokenise (thread) ─► fair queue ─► batch ─► model (thread) ─► decode ─► answer
            │429                             ▲
                                 explaining asks again
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from function.batching.batcher import Batch, Batcher, BatchLimits
from function.batching.explaining import explain
from function.core.catalog import Catalog
from function.core.errors import OverloadedError
from function.core.predictor import Predictor
from function.core.reading import Reading
from function.core.types import Answer, ModelInfo, Options, Timings

TOKENIZING = 4  # texts are tokenised by so many threads; the tokenizer frees Python's lock
EXPLAINING = 8
LONGEST_RETRY = 30  # seconds


Watch = Callable[[ModelInfo, Batch], None]


def _nobody(model: ModelInfo, batch: Batch) -> None:
    """The watch where none is kept."""


class BatchingEngine:
    """Requests queue, by window, for a model that reads them in batches.

    limits_of: how the windows of a model, by name, are put together. calls: how many batches run
    at once. queue: windows that may wait; more are refused. watch: is told of every batch.
    """

    def __init__(
        self,
        catalog: Catalog,
        limits_of: Callable[[str], BatchLimits],
        *,
        calls: int,
        queue: int,
        watch: Watch = _nobody,
    ) -> None:
        self._catalog, self._limits_of, self._queue, self._watch = catalog, limits_of, queue, watch
        self._slots = asyncio.Semaphore(calls)
        self._models = ThreadPoolExecutor(calls, "model")
        self._tokenizers = ThreadPoolExecutor(TOKENIZING, "tokenizer")
        self._explainers = ThreadPoolExecutor(EXPLAINING, "explainer")
        self._batchers: dict[Predictor, Batcher] = {}
        self._reading = 0

    async def predict(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        """See `core.types.Engine`."""
        started = perf_counter()
        with self._counted():
            predictor, reading = await asyncio.get_running_loop().run_in_executor(
                self._tokenizers, self._read, model, texts, options
            )
        read = perf_counter()
        info = self._catalog.info(model)
        batcher = self._batcher(info, predictor)
        windows = reading.windows
        if self.waiting and self.waiting + len(windows) > self._queue:
            raise self._overloaded()
        outcome = await batcher.run(windows)
        inferred = perf_counter()
        predictions = predictor.decode(reading, outcome.logits, options)
        decoded = perf_counter()
        if options.explain:
            predictions = await explain(
                self._explainers, batcher, partial(predictor.explain, reading, predictions)
            )
        explained = perf_counter() if options.explain else decoded
        return Answer(
            info,
            predictions,
            Timings(
                tokenization_ms=1000 * (read - started),
                queue_ms=1000 * outcome.queued,
                inference_ms=1000 * (inferred - read - outcome.queued),
                decoding_ms=1000 * (decoded - inferred),
                explanation_ms=1000 * (explained - decoded),
                total_ms=1000 * (explained - started),
            ),
        )

    def models(self) -> Sequence[ModelInfo]:
        return self._catalog.models()

    def ready(self) -> bool:
        """The default model is loaded, and no model's device has failed for good."""
        return self._catalog.ready() and not any(
            batcher.broken for batcher in self._batchers.values()
        )

    @property
    def waiting(self) -> int:
        """Windows in the queues of all models."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    def _read(
        self, model: str | None, texts: Sequence[str], options: Options
    ) -> tuple[Predictor, Reading]:
        predictor = self._catalog.predictor(model)
        return predictor, predictor.read(texts, options)

    def _batcher(self, info: ModelInfo, predictor: Predictor) -> Batcher:
        self._forget_unloaded()
        if predictor not in self._batchers:
            limits = self._limits_of(info.name)
            self._batchers[predictor] = Batcher(
                partial(predictor.run, batch_tokens=limits.tokens),
                self._models,
                self._slots,
                limits,
                more_expected=lambda: self._reading > 0,
                watch=partial(self._watch, info),
            )
        return self._batchers[predictor]

    def _forget_unloaded(self) -> None:
        """Let go of models that the catalog let go of, once nobody waits for them; loaded again,
        such a model is another predictor."""
        loaded = self._catalog.loaded()
        for predictor, batcher in list(self._batchers.items()):
            if predictor not in loaded and not batcher.waiting:
                del self._batchers[predictor]

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """A request that is being tokenised. Raises OverloadedError where there is no room."""
        if self._reading + self.waiting >= self._queue:
            raise self._overloaded()
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    def _overloaded(self) -> OverloadedError:
        seconds = sum(batcher.seconds_to_empty for batcher in self._batchers.values())
        after = min(max(1, math.ceil(seconds)), LONGEST_RETRY)
        return OverloadedError(
            f"{self.waiting} windows of text are waiting; try again in {after} s", after
        )
