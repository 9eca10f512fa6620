"""Engine of a process that gets one request at a time."""

from collections.abc import Sequence

from function.core.catalog import Catalog
from function.core.tokenization import Text, TextTokenizer
from function.core.types import ModelInfo, Options, PredictionResult


class DirectEngine:
    """Engine that predicts in the caller's thread: Lambda gives a process one request at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def predict(
        self, model: str | None, texts: Sequence[Text], options: Options
    ) -> PredictionResult:
        """See `core.types.Engine`."""
        predictions, timings = self._catalog.predictor(model).predict(texts, options)
        return PredictionResult(self._catalog.info(model), predictions, timings)

    async def tokenizer(self, model: str | None) -> TextTokenizer:
        """See `core.types.Engine`."""
        return self._catalog.predictor(model).tokenizer

    def models(self) -> Sequence[ModelInfo]:
        return self._catalog.models()

    def ready(self) -> bool:
        return self._catalog.ready()
