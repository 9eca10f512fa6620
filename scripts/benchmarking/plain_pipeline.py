"""The baseline: what the library's own documentation has one write, on CPU, in full precision."""

from collections.abc import Callable

from transformers import pipeline
from typing_extensions import TypedDict


class Score(TypedDict):
    """One label of an answer."""

    label: str
    score: float


def open_pipeline(checkpoint: str) -> Callable[[str], list[Score]]:
    """A text classifier that scores all labels, best first. Torch takes the threads it likes."""
    classify = pipeline(
        "text-classification", model=checkpoint, top_k=None, truncation=True, device="cpu"
    )

    def scores(text: str) -> list[Score]:
        # A list goes in because a lone text comes back in a shape of its own.
        answer: list[Score] = classify([text])[0]
        return answer

    return scores
