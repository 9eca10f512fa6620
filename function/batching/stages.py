"""Stages of a request other than model calls.

Each stage has its own threads, so that no stage waits for another, and none blocks the event loop.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from function.batching.pending import RequestOutputs
from function.core.backend import Logits
from function.core.catalog import Catalog
from function.core.predictions import AnyPrediction
from function.core.predictor import Predictor
from function.core.tokenization import Text, TokenIds
from function.core.types import Options
from function.core.windows import ModelInputs, RunWindows

LOADING = 1  # models in memory are bounded, so they are loaded one at a time
TOKENIZING = 4  # the tokenizer releases Python's lock
DECODING = 2
EXPLAINING = 8  # mostly waits for the model

SubmitWindows = Callable[[Sequence[TokenIds]], Coroutine[Any, Any, RequestOutputs]]
ExplainText = Callable[[RunWindows], list[AnyPrediction]]


class Stages:
    """Thread pools by stage; `tokenizing` counts the requests in tokenisation."""

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

    async def encode(
        self, predictor: Predictor, texts: Sequence[Text], options: Options
    ) -> ModelInputs:
        """See `Predictor.encode`."""
        self.tokenizing += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._tokenizers, predictor.encode, texts, options
            )
        finally:
            self.tokenizing -= 1

    async def decode(
        self,
        predictor: Predictor,
        inputs: ModelInputs,
        outputs: Sequence[Logits],
        options: Options,
    ) -> list[AnyPrediction]:
        """See `Predictor.decode`. A quick decoder runs here: a thread would only cost time."""
        if not predictor.slow_to_decode:
            return predictor.decode(inputs, outputs, options)
        return await asyncio.get_running_loop().run_in_executor(
            self._decoders, predictor.decode, inputs, outputs, options
        )

    async def explain(
        self,
        predictor: Predictor,
        inputs: ModelInputs,
        predictions: Sequence[AnyPrediction],
        submit: SubmitWindows,
    ) -> list[AnyPrediction]:
        """See `Predictor.explain`. One text at a time, so that no request holds up all others."""
        texts = [
            partial(predictor.explain, text, [prediction])
            for text, prediction in zip(inputs.split(), predictions, strict=True)
        ]
        return await _explain_in_turn(self._explainers, submit, texts)


async def _explain_in_turn(
    executor: Executor, submit: SubmitWindows, texts: Sequence[ExplainText]
) -> list[AnyPrediction]:
    """Explain one text after the other in a thread, whose model calls go through `submit`.

    Other requests get their turn between two texts. Cancelled, it stops at the next model call.
    """
    loop = asyncio.get_running_loop()
    submitted: list[Future[RequestOutputs]] = []
    stopped = False

    def run(windows: Sequence[TokenIds]) -> Sequence[Logits]:
        if stopped:
            raise CancelledError
        submitted.append(asyncio.run_coroutine_threadsafe(submit(windows), loop))
        return submitted[-1].result().logits

    explained: list[AnyPrediction] = []
    try:
        for explain in texts:
            explained += await loop.run_in_executor(executor, explain, run)
    finally:
        stopped = True
        for future in submitted:
            future.cancel()
    return explained
