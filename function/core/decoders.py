"""What the tasks differ in: how a model's outputs become predictions."""

from collections.abc import Callable, Sequence
from typing import Protocol

from function.core.artifact import Artifact, Task
from function.core.backend import Logits
from function.core.classification import Classifier
from function.core.reading import Reading, Run
from function.core.tokenization import TextTokenizer
from function.core.types import AnyPrediction, Options


class Decoder(Protocol):
    """What a task makes of a model's outputs.

    slow: whether decoding takes longer than an event loop may be held.
    """

    slow: bool

    def check(self, options: Options) -> None:
        """Raises InputError where a caller asks for what this task does not have."""
        ...

    def explaining(self, reading: Reading) -> int:
        """The most windows that `explain` reads."""
        ...

    def decode(
        self, reading: Reading, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """Predictions from the output of every window. Raises PredictionError where one is not
        of finite numbers."""
        ...

    def explain(
        self, reading: Reading, predictions: Sequence[AnyPrediction], run: Run
    ) -> list[AnyPrediction]:
        """The same predictions with highlights. run: reads windows with words left out."""
        ...


def _entity_finder(artifact: Artifact, tokenizer: TextTokenizer) -> Decoder:
    from function.core.entities import EntityFinder  # the default model is rarely one

    return EntityFinder(artifact, tokenizer)


DECODERS: dict[Task, Callable[[Artifact, TextTokenizer], Decoder]] = {
    "text-classification": Classifier,
    "token-classification": _entity_finder,
}
