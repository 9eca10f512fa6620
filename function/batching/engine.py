"""Engine of a server: runs many requests at once, batched together.

request ─► room? ─► tokenise (thread) ─► fair queue ─► batch ─► model (thread) ─► decode ─► answer
            │429                             ▲
                                   explain submits more
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from function.batching.admission import Admission
from function.batching.batcher import Batcher, BatchLimits
from function.batching.device import Device
from function.batching.pending import RequestOutputs
from function.batching.runner import BatchRun, BatchRunner
from function.batching.stages import Stages
from function.core.catalog import Catalog
from function.core.predictor import Predictor
from function.core.tokenization import Text, TextTokenizer, TokenIds
from function.core.types import ModelInfo, Options, PredictionResult, Timings

Watch = Callable[[ModelInfo, BatchRun], None]


def _ignore(model: ModelInfo, run: BatchRun) -> None:
    """Do nothing: the default of `watch`."""


class BatchingEngine:
    """Engine that queues the windows of requests, and runs them in batches."""

    def __init__(
        self,
        catalog: Catalog,
        limits_of: Callable[[str], BatchLimits],
        *,
        calls: int,
        queue: int,
        seconds: float | None = None,
        watch: Watch = _ignore,
    ) -> None:
        """Create an engine that runs `calls` batches at once.

        Requests beyond `queue` waiting windows are refused, and those that take longer than
        `seconds` are given up: their callers have left by then. `limits_of` returns the batch
        limits of a model by name; `watch` is called after every model call.
        """
        self._catalog, self._limits_of, self._watch = catalog, limits_of, watch
        self._device, self._stages, self._seconds = Device(calls), Stages(catalog), seconds
        self._batchers: dict[Predictor, Batcher] = {}
        self._in_progress: Counter[Predictor] = Counter()  # requests
        self._admission = Admission(
            queue,
            catalog.max_windows,
            lambda: self.waiting,
            lambda: self._device.seconds_per_window,
        )

    async def predict(
        self, model: str | None, texts: Sequence[Text], options: Options
    ) -> PredictionResult:
        """See `core.types.Engine`. Cancelled, a request leaves the queue, and explains no more."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._predict(model, texts, options)
        except TimeoutError:
            raise self._admission.late(f"no answer within {self._seconds} s") from None

    async def _predict(
        self, model: str | None, texts: Sequence[Text], options: Options
    ) -> PredictionResult:
        info = self._catalog.info(model)
        with self._admission.admit(texts) as claim:
            predictor = await self._stages.load(model)
            started = perf_counter()  # the first use of a model loads it, which is no stage
            inputs = await self._stages.encode(predictor, texts, options)
            claim.update(predictor.cost(inputs, options))
            encoded = perf_counter()
            with self._batcher(info, predictor) as batcher:

                async def submit(windows: Sequence[TokenIds]) -> RequestOutputs:
                    claim.move_to_queue(len(windows))
                    return await batcher.run(windows)

                outputs = await submit(inputs.windows)
                inferred = perf_counter()
                with claim.decoding(len(inputs.windows)):
                    predictions = await self._stages.decode(
                        predictor, inputs, outputs.logits, options
                    )
                decoded = explained = perf_counter()
                if options.explain:
                    predictions = await self._stages.explain(predictor, inputs, predictions, submit)
                    explained = perf_counter()
        timings = Timings.between(
            started, encoded, inferred, decoded, explained, outputs.queue_seconds
        )
        return PredictionResult(info, predictions, timings)

    async def tokenizer(self, model: str | None) -> TextTokenizer:
        """See `core.types.Engine`."""
        return (await self._stages.load(model)).tokenizer

    def models(self) -> Sequence[ModelInfo]:
        return self._catalog.models()

    def ready(self) -> bool:
        """Return whether the default model is loaded and the device works."""
        return self._catalog.ready() and not self._device.broken

    @property
    def waiting(self) -> int:
        """Return the number of windows in the queues."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    @contextmanager
    def _batcher(self, info: ModelInfo, predictor: Predictor) -> Iterator[Batcher]:
        """Return a model's batcher, and keep it while the request may use it."""
        self._forget_unloaded()
        if predictor not in self._batchers:
            limits = self._limits_of(info.name)
            runner = BatchRunner(
                partial(predictor.run, batch_tokens=limits.tokens),
                self._device,
                predictor.blank_window(1),
                partial(self._watch, info),
                predictor.pace,
            )
            self._batchers[predictor] = Batcher(
                runner, self._device, limits, more_expected=lambda: self._stages.tokenizing > 0
            )
        self._in_progress[predictor] += 1
        try:
            yield self._batchers[predictor]
        finally:
            self._in_progress[predictor] -= 1

    def _forget_unloaded(self) -> None:
        """Drop the batchers of unloaded models that no request uses.

        Loading such a model again makes another predictor.
        """
        loaded = self._catalog.loaded()
        for predictor in list(self._batchers):
            if predictor not in loaded and not self._in_progress[predictor]:
                del self._batchers[predictor], self._in_progress[predictor]
