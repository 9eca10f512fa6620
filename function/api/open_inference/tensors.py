"""What each task takes and gives, as tensors: one element a text, in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from function.api.open_inference.binary import encode_bytes
from function.api.open_inference.schemas import Datatype
from function.core.types import Prediction

TEXT = "text"


@dataclass(frozen=True)
class TextOutput:
    """Strings in UTF-8. of: a prediction's."""

    datatype: ClassVar[Datatype] = "BYTES"
    name: str
    of: Callable[[Prediction], str]

    def listed(self, predictions: Sequence[Prediction]) -> list[str]:
        """The elements as JSON has them."""
        return [self.of(prediction) for prediction in predictions]

    def encoded(self, predictions: Sequence[Prediction]) -> bytes:
        """The elements as the bytes of a tensor."""
        return encode_bytes([text.encode() for text in self.listed(predictions)])


@dataclass(frozen=True)
class NumberOutput:
    """Numbers in single precision, in JSON too, so that both forms say the same.

    of: a prediction's.
    """

    datatype: ClassVar[Datatype] = "FP32"
    name: str
    of: Callable[[Prediction], float]

    def listed(self, predictions: Sequence[Prediction]) -> list[float]:
        """See TextOutput."""
        return [float(number) for number in self._numbers(predictions)]

    def encoded(self, predictions: Sequence[Prediction]) -> bytes:
        """See TextOutput."""
        return self._numbers(predictions).tobytes()

    def _numbers(self, predictions: Sequence[Prediction]) -> npt.NDArray[np.float32]:
        return np.array([self.of(prediction) for prediction in predictions], dtype="<f4")


Output = TextOutput | NumberOutput

OUTPUTS: dict[str, tuple[Output, ...]] = {
    "text-classification": (
        TextOutput("label", lambda prediction: prediction.label),
        NumberOutput("score", lambda prediction: prediction.score),
    ),
}
