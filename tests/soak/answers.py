"""What an answer says of each text, in a word and a number."""

import json
from collections.abc import Sequence
from typing import Any


def labels(body: bytes) -> list[tuple[str, float]]:
    """Label and score of each text in an answer of `/v1`; of entities all their labels and places,
    and the least of their scores. Raises where it has another shape."""
    return [
        _of_entities(found["entities"]) if "entities" in found else (found["label"], found["score"])
        for found in json.loads(body)["predictions"]
    ]


def _of_entities(entities: Sequence[dict[str, Any]]) -> tuple[str, float]:
    spans = ", ".join(f"{each['label']} {each['start']}-{each['end']}" for each in entities)
    return spans or "no entities", min((each["score"] for each in entities), default=1.0)
