"""Decoders: the part that differs between tasks, from a model's outputs to predictions."""

from collections.abc import Callable, Sequence
from typing import Protocol

from function.core.artifact import Artifact, Task
from function.core.backend import Logits
from function.core.cascade import FirstStage
from function.core.classification import Classifier
from function.core.tokenization import TextTokenizer
from function.core.types import AnyPrediction, Options
from function.core.windows import ModelInputs, RunWindows


class Decoder(Protocol):
    """Decoder of one task; `slow` if decoding takes longer than it may hold an event loop."""

    slow: bool

    def check(self, options: Options) -> None:
        """Check the options; raises InputError if one is for another task."""
        ...

    def explanation_cost(self, inputs: ModelInputs) -> int:
        """Return the most windows that `explain` may run."""
        ...

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """Return each text's prediction; raises PredictionError if an output is not finite."""
        ...

    def explain(
        self, inputs: ModelInputs, predictions: Sequence[AnyPrediction], run: RunWindows
    ) -> list[AnyPrediction]:
        """Return the predictions with highlights; `run` takes windows with words removed."""
        ...


def _entity_finder(
    artifact: Artifact,
    tokenizer: TextTokenizer,
    first_stage: FirstStage | None,  # noqa: ARG001
) -> Decoder:
    from function.core.entities import EntityFinder  # few models need it: no cost at a cold start

    return EntityFinder(artifact, tokenizer)


DECODERS: dict[Task, Callable[[Artifact, TextTokenizer, FirstStage | None], Decoder]] = {
    "text-classification": Classifier,
    "token-classification": _entity_finder,
}
