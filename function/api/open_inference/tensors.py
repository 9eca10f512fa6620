"""Input and output tensors of each task: one element per text, in order."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from function.api.open_inference.binary import encode_bytes
from function.api.open_inference.schemas import Datatype
from function.core.classification import classified
from function.core.types import AnyPrediction, EntityPrediction

TEXT = "text"

Predictions = Sequence[AnyPrediction]


@dataclass(frozen=True)
class TextOutput:
    """Output of strings in UTF-8; `select` returns the element of each prediction."""

    datatype: ClassVar[Datatype] = "BYTES"
    name: str
    select: Callable[[Predictions], list[str]]

    def listed(self, predictions: Predictions) -> list[str]:
        """Return the elements for JSON."""
        return self.select(predictions)

    def encoded(self, predictions: Predictions) -> bytes:
        """Return the elements as the bytes of a tensor."""
        return encode_bytes([text.encode() for text in self.listed(predictions)])


@dataclass(frozen=True)
class NumberOutput:
    """Output of numbers in single precision, in JSON too, so that both forms are equal.

    `select` returns the element of each prediction.
    """

    datatype: ClassVar[Datatype] = "FP32"
    name: str
    select: Callable[[Predictions], list[float]]

    def listed(self, predictions: Predictions) -> list[float]:
        """See TextOutput."""
        return [float(number) for number in self._numbers(predictions)]

    def encoded(self, predictions: Predictions) -> bytes:
        """See TextOutput."""
        return self._numbers(predictions).tobytes()

    def _numbers(self, predictions: Predictions) -> npt.NDArray[np.float32]:
        return np.array(self.select(predictions), dtype="<f4")


AnyOutput = TextOutput | NumberOutput


def _entities(predictions: Predictions) -> list[str]:
    """Return for each text a JSON list of its entities, as `/v1` has them."""
    return [
        json.dumps([asdict(entity) for entity in prediction.entities], ensure_ascii=False)
        for prediction in predictions
        if isinstance(prediction, EntityPrediction)
    ]


OUTPUTS: dict[str, tuple[AnyOutput, ...]] = {
    "text-classification": (
        TextOutput("label", lambda predictions: [each.label for each in classified(predictions)]),
        NumberOutput("score", lambda predictions: [each.score for each in classified(predictions)]),
    ),
    "token-classification": (TextOutput("entities", _entities),),
}
