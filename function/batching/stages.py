"""What is done to a request beside reading it: each stage in threads of its own, so that one kind
of work does not wait for another, and none stops the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from function.batching.explaining import Ask, explain
from function.core.backend import Logits
from function.core.catalog import Catalog
from function.core.predictor import Predictor
from function.core.reading import Reading
from function.core.types import AnyPrediction, Options

LOADING = 1  # models in memory are bounded, so they are loaded one at a time
TOKENIZING = 4  # the tokenizer frees Python's lock
DECODING = 2
EXPLAINING = 8  # mostly waits for the model


class Stages:
    """Threads by what they do. tokenizing: how many requests are being tokenised now."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._loaders = ThreadPoolExecutor(LOADING, "loader")
        self._tokenizers = ThreadPoolExecutor(TOKENIZING, "tokenizer")
        self._decoders = ThreadPoolExecutor(DECODING, "decoder")
        self._explainers = ThreadPoolExecutor(EXPLAINING, "explainer")
        self.tokenizing = 0

    async def load(self, model: str | None) -> Predictor:
        """See `Catalog.predictor`."""
        if predictor := self._catalog.recall(model):
            return predictor
        return await asyncio.get_running_loop().run_in_executor(
            self._loaders, self._catalog.predictor, model
        )

    async def read(self, predictor: Predictor, texts: Sequence[str], options: Options) -> Reading:
        """See `Predictor.read`."""
        self.tokenizing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._tokenizers, predictor.read, texts, options
            )
        finally:
            self.tokenizing -= 1

    async def decode(
        self, predictor: Predictor, reading: Reading, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `Predictor.decode`. Where that is quick, a thread would only cost time."""
        if not predictor.slow_to_decode:
            return predictor.decode(reading, outputs, options)
        return await asyncio.get_running_loop().run_in_executor(
            self._decoders, predictor.decode, reading, outputs, options
        )

    async def explain(
        self,
        predictor: Predictor,
        reading: Reading,
        predictions: Sequence[AnyPrediction],
        ask: Ask,
    ) -> list[AnyPrediction]:
        """See `Predictor.explain`; a text at a time, or one request could keep all others from
        their turn."""
        works = [
            partial(predictor.explain, text, [prediction])
            for text, prediction in zip(reading.apart(), predictions, strict=True)
        ]
        return await explain(self._explainers, ask, works)
