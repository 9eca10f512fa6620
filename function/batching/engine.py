"""The engine of a server: many requests at once, read together.

request ─► room? ─► tokenise (thread) ─► fair queue ─► batch ─► model (thread) ─► decode ─► answer
            │429                             ▲
                                 explaining asks again
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from function.batching.admission import Admission
from function.batching.batcher import Batcher, BatchLimits
from function.batching.device import Device
from function.batching.pending import Outcome
from function.batching.reader import Batch, BatchReader
from function.batching.stages import Stages
from function.core.catalog import Catalog
from function.core.predictor import Predictor
from function.core.tokenization import TokenIds
from function.core.types import Answer, ModelInfo, Options, Timings

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
        self._catalog, self._limits_of, self._watch = catalog, limits_of, watch
        self._device, self._stages = Device(calls), Stages(catalog)
        self._batchers: dict[Predictor, Batcher] = {}
        self._under_way: Counter[Predictor] = Counter()
        self._admission = Admission(
            queue,
            catalog.max_windows,
            lambda: self.waiting,
            lambda: self._device.seconds_per_window,
        )

    async def predict(self, model: str | None, texts: Sequence[str], options: Options) -> Answer:
        """See `core.types.Engine`."""
        started = perf_counter()
        info = self._catalog.info(model)
        with self._admission.admit(texts) as claim:
            predictor = await self._stages.load(model)
            reading = await self._stages.read(predictor, texts, options)
            claim.amend(predictor.cost(reading, options))
            read = perf_counter()
            with self._batcher(info, predictor) as batcher:

                async def ask(windows: Sequence[TokenIds]) -> Outcome:
                    claim.queued(len(windows))
                    return await batcher.run(windows)

                outcome = await ask(reading.windows)
                inferred = perf_counter()
                with claim.decoding(len(reading.windows)):
                    predictions = await self._stages.decode(
                        predictor, reading, outcome.logits, options
                    )
                decoded = explained = perf_counter()
                if options.explain:
                    predictions = await self._stages.explain(predictor, reading, predictions, ask)
                    explained = perf_counter()
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
        return self._catalog.ready() and not self._device.broken

    @property
    def waiting(self) -> int:
        """Windows in the queues."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    @contextmanager
    def _batcher(self, info: ModelInfo, predictor: Predictor) -> Iterator[Batcher]:
        """A model's, for as long as a request may ask it."""
        self._forget_unloaded()
        if predictor not in self._batchers:
            limits = self._limits_of(info.name)
            reader = BatchReader(
                partial(predictor.run, batch_tokens=limits.tokens),
                self._device,
                predictor.window_of(1),
                partial(self._watch, info),
            )
            self._batchers[predictor] = Batcher(
                reader, self._device, limits, more_expected=lambda: self._stages.tokenizing > 0
            )
        self._under_way[predictor] += 1
        try:
            yield self._batchers[predictor]
        finally:
            self._under_way[predictor] -= 1

    def _forget_unloaded(self) -> None:
        """Let go of models that the catalog let go of, once no request for them is under way;
        loaded again, such a model is another predictor."""
        loaded = self._catalog.loaded()
        for predictor in list(self._batchers):
            if predictor not in loaded and not self._under_way[predictor]:
                del self._batchers[predictor], self._under_way[predictor]
