"""Decoders: the part that differs between heads, from a model's outputs to predictions."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.cascade import FirstStage
from function.core.classification import Classifier
from function.core.errors import ArtifactError
from function.core.tokenization import Text, TextTokenizer
from function.core.types import AnyPrediction, Options
from function.core.windows import ModelInputs, RunWindows


class Decoder(Protocol):
    """Decoder of one head; `slow` if decoding takes longer than it may hold an event loop."""

    slow: bool

    def check(self, options: Options) -> None:
        """Check the options; raises InputError if one is for another head."""
        ...

    def prepare(self, texts: Sequence[Text], options: Options) -> Sequence[Text]:
        """Return the texts that the model reads; the same ones but for prompts before them."""
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


MakeDecoder = Callable[[Artifact, TextTokenizer, FirstStage | None], Decoder]


def open_decoder(
    artifact: Artifact, tokenizer: TextTokenizer, first_stage: FirstStage | None
) -> Decoder:
    """Open the decoder of the manifest's head; raises ArtifactError if its task is another one."""
    manifest = artifact.manifest
    if manifest.task != manifest.decoding.task:
        raise ArtifactError(
            f"{artifact.path.name}: {manifest.decoding.kind} is no decoding of {manifest.task}"
        )
    return DECODERS[manifest.decoding.kind](artifact, tokenizer, first_stage)


def _late(module: str, name: str) -> MakeDecoder:
    """Return a maker of decoders that few models need: imported on use, for the cold start."""

    def make(*parts: Any) -> Decoder:
        decoder: Decoder = getattr(import_module(f"function.core.{module}"), name)(*parts)
        return decoder

    return make


# By `decoding.kind` of the manifest.
DECODERS: dict[str, MakeDecoder] = {
    "softmax": Classifier,
    "sigmoid": _late("multi_label", "MultiLabelClassifier"),
    "score": _late("regression", "ScoreDecoder"),
    "crf": _late("entities", "EntityFinder"),
    "argmax": _late("tagging", "Tagger"),
    "embedding": _late("embedding", "Embedder"),
}
