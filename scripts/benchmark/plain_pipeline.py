"""The baseline: what the library's own documentation has one write."""

from collections.abc import Callable

import torch
from transformers import Pipeline, pipeline
from typing_extensions import TypedDict


class Score(TypedDict):
    """One label of an answer."""

    label: str
    score: float


def load_pipeline(checkpoint: str, device: str, precision: str) -> Pipeline:
    """A text classifier that scores all labels. precision: torch's name of a type."""
    return pipeline(
        "text-classification",
        model=checkpoint,
        top_k=None,
        truncation=True,
        device=device,
        dtype=getattr(torch, precision),
    )


def open_pipeline(checkpoint: str) -> Callable[[str], list[Score]]:
    """The same for a text at a time, best label first, on CPU, in full precision. Torch takes the
    threads it likes."""
    classify = load_pipeline(checkpoint, "cpu", "float32")

    def scores(text: str) -> list[Score]:
        # A list goes in because a lone text comes back in a shape of its own.
        answer: list[Score] = classify([text])[0]
        return answer

    return scores
