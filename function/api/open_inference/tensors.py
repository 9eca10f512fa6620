"""Input and output tensors of each head: one element per text, in order."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from function.api.open_inference.binary import encode_bytes
from function.api.open_inference.schemas import Datatype
from function.core.classification import classified
from function.core.predictions import AnyPrediction, EmbeddingPrediction, ScorePrediction

TEXT, TEXT_PAIR = "text", "text_pair"

Predictions = Sequence[AnyPrediction]


@dataclass(frozen=True)
class TextOutput:
    """Output of strings in UTF-8; `select` returns the element of each prediction."""

    datatype: ClassVar[Datatype] = "BYTES"
    rank: ClassVar[int] = 1
    name: str
    select: Callable[[Predictions], list[str]]

    def shape(self, predictions: Predictions) -> list[int]:
        """Return the shape of the tensor, of `rank` numbers."""
        return [len(predictions)]

    def listed(self, predictions: Predictions) -> list[str]:
        """Return the elements for JSON."""
        return self.select(predictions)

    def encoded(self, predictions: Predictions) -> bytes:
        """Return the elements as the bytes of a tensor."""
        return encode_bytes([text.encode() for text in self.listed(predictions)])


@dataclass(frozen=True)
class NumberOutput:
    """Output of numbers in single precision, in JSON too, so that both forms are equal.

    `select` returns the element of each prediction, or with a `rank` of 2 its row.
    """

    datatype: ClassVar[Datatype] = "FP32"
    name: str
    select: Callable[[Predictions], npt.ArrayLike]
    rank: int = 1

    def shape(self, predictions: Predictions) -> list[int]:
        """See TextOutput."""
        return list(self._numbers(predictions).shape)

    def listed(self, predictions: Predictions) -> list[float]:
        """See TextOutput."""
        return [float(number) for number in self._numbers(predictions).ravel()]

    def encoded(self, predictions: Predictions) -> bytes:
        """See TextOutput."""
        return self._numbers(predictions).tobytes()

    def _numbers(self, predictions: Predictions) -> npt.NDArray[np.float32]:
        return np.array(self.select(predictions), dtype="<f4")


AnyOutput = TextOutput | NumberOutput


def _listed_in_json(member: str) -> TextOutput:
    """Return an output of each text's list, in JSON as `/v1` has it."""

    def select(predictions: Predictions) -> list[str]:
        lists = (getattr(prediction, member) for prediction in predictions)
        return [json.dumps(list(map(_plain, each)), ensure_ascii=False) for each in lists]

    return TextOutput(member, select)


def _numbers(predictions: Predictions) -> list[float]:
    return [each.score for each in predictions if isinstance(each, ScorePrediction)]


def _vectors(predictions: Predictions) -> npt.ArrayLike:
    return [each.embedding for each in predictions if isinstance(each, EmbeddingPrediction)]


def _plain(item: Any) -> Any:
    return asdict(item) if is_dataclass(item) and not isinstance(item, type) else item


# By `answer_key` of the model.
OUTPUTS: dict[str, tuple[AnyOutput, ...]] = {
    "label": (
        TextOutput("label", lambda predictions: [each.label for each in classified(predictions)]),
        NumberOutput("score", lambda predictions: [each.score for each in classified(predictions)]),
    ),
    "labels": (_listed_in_json("labels"), _listed_in_json("scores")),
    "score": (NumberOutput("score", _numbers),),
    "entities": (_listed_in_json("entities"),),
    "embedding": (NumberOutput("embedding", _vectors, rank=2),),
}
