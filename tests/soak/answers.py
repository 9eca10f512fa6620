"""Judgement of answers. Free of locust, which patches the standard library where it is imported."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Labelled = tuple[str, float]  # label and score of one text
CERTAIN = 0.9  # a text with such a score alone keeps its label in any batch


def labels(body: bytes) -> list[Labelled]:
    """Return label and score of each text in an answer of `/v1`.

    For entities these are all labels with their offsets, and the lowest score. Raises where the
    answer has another shape.
    """
    return [
        _of_entities(found["entities"]) if "entities" in found else (found["label"], found["score"])
        for found in json.loads(body)["predictions"]
    ]


def _of_entities(entities: Sequence[dict[str, Any]]) -> Labelled:
    spans = ", ".join(f"{each['label']} {each['start']}-{each['end']}" for each in entities)
    return spans or "no entities", min((each["score"] for each in entities), default=1.0)


def is_refusal(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer is a full queue's, which says when to come back."""
    return status == 429 and "retry-after" in headers


def find_fault(
    status: int, body: bytes, expected: int, texts: Sequence[str], alone: Mapping[str, Labelled]
) -> str:
    """Return what is wrong with an answer; empty where nothing is.

    Args:
        expected: The right status.
        texts: The texts of the request, where the answer has labels for each in `/v1`'s shape.
        alone: Label and score of texts, as answered while nothing else was asked.
    """
    if status != expected:
        return f"{status}, not {expected}: {body[:120]!r}"
    if not texts:
        return ""
    try:
        found = labels(body)
    except (ValueError, KeyError, TypeError) as error:
        return f"not /v1's answer: {error!r}"
    if len(found) != len(texts):
        return f"{len(found)} answers for {len(texts)} texts"
    for text, (label, _) in zip(texts, found, strict=True):
        right, score = alone.get(text, (label, 0.0))
        if label != right and score >= CERTAIN:
            return f"{label} where alone it was {right}"
    return ""
