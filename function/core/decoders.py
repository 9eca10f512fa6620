"""Decoders: the part that differs between heads, from a model's outputs to predictions."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import ClassVar

from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.errors import ArtifactError, InputError
from function.core.predictions import AnyPrediction
from function.core.tokenization import Text, TextTokenizer
from function.core.types import Options
from function.core.windows import ModelInputs, RunWindows

# Module and class by `decoding.kind` of the manifest: imported on use, for the cold start.
DECODERS = {
    "softmax": ("classification", "Classifier"),
    "sigmoid": ("multi_label", "MultiLabelClassifier"),
    "score": ("regression", "ScoreDecoder"),
    "crf": ("entities", "EntityFinder"),
    "argmax": ("tagging", "Tagger"),
    "embedding": ("embedding", "Embedder"),
}
USUAL = Options()


class Decoder(ABC):
    """Decoder of one head, by default one that explains nothing.

    Attributes:
        slow: Decoding takes longer than it may hold an event loop.
        refusals: Options that are for other heads, each with the message of its refusal.
    """

    slow: ClassVar[bool] = True
    refusals: ClassVar[Mapping[str, str]]

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Read the manifest; raises ArtifactError if the artifact does not fit it."""
        self._labels = artifact.manifest.labels
        self._temperature = artifact.manifest.decoding.temperature
        self._tokenizer = tokenizer

    def check(self, options: Options) -> None:
        """Check the options; raises InputError if one is for another head."""
        for name, message in self.refusals.items():
            if getattr(options, name) != getattr(USUAL, name):
                raise InputError(message)

    def prepare(self, texts: Sequence[Text], options: Options) -> Sequence[Text]:  # noqa: ARG002
        """Return the texts that the model reads; the same ones but for prompts before them."""
        return texts

    def check_size(self, inputs: ModelInputs, options: Options) -> None:  # noqa: B027
        """Raise BatchTooLargeError where the answers would be too large to hand out."""

    def explanation_cost(self, inputs: ModelInputs) -> int:  # noqa: ARG002
        """Return the most windows that `explain` may run."""
        return 0

    @abstractmethod
    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """Return each text's prediction; raises PredictionError if an output is not finite.

        The output of a window is (labels,), or (tokens, tags or dimensions).
        """

    def explain(
        self,
        inputs: ModelInputs,  # noqa: ARG002
        predictions: Sequence[AnyPrediction],
        run: RunWindows,  # noqa: ARG002
    ) -> list[AnyPrediction]:
        """Return the predictions with highlights; `run` takes windows with words removed."""
        return list(predictions)


def open_decoder(artifact: Artifact, tokenizer: TextTokenizer) -> Decoder:
    """Open the decoder of the manifest's head; raises ArtifactError if its task is another one."""
    manifest = artifact.manifest
    if manifest.task != manifest.decoding.task:
        raise ArtifactError(
            f"{artifact.path.name}: {manifest.decoding.kind} is no decoding of {manifest.task}"
        )
    module, name = DECODERS[manifest.decoding.kind]
    decoder: Decoder = getattr(import_module(f"function.core.{module}"), name)(artifact, tokenizer)
    return decoder
