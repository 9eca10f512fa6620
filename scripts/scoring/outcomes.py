"""What came of a row: the columns that it gets, or why it gets none."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Outcome = dict[str, Any]

REASON = "reason"  # the one member of an outcome that is none
VERSION = "model_version"
LABELLED, NAMED = ("label", "score", VERSION), ("entities", VERSION)
ADDED = ("label", "score", "entities", VERSION)  # all names that a row may get


def scored(prediction: Mapping[str, Any], version: str) -> Outcome:
    """Of a prediction's members, as the API or `core.types` names them, those that a row gets."""
    if "entities" in prediction:
        return {"entities": list(prediction["entities"]), VERSION: version}
    return {"label": prediction["label"], "score": prediction["score"], VERSION: version}


def rejected(reason: str) -> Outcome:
    """reason: as said of the only text of a request, whose place in it tells nothing."""
    return {REASON: reason.removeprefix("text 0 ")}


class Tally(NamedTuple):
    """How many rows came to what. versions: rows by the version that scored them."""

    rejected: int
    versions: dict[str, int]
    columns: tuple[str, ...]

    @property
    def scored(self) -> int:
        return sum(self.versions.values())


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """columns: what rows get, by what the model's task is."""
    failed = 0
    versions: dict[str, int] = {}
    columns: tuple[str, ...] = LABELLED
    for outcome in outcomes:
        if REASON in outcome:
            failed += 1
            continue
        versions[outcome[VERSION]] = versions.get(outcome[VERSION], 0) + 1
        columns = NAMED if "entities" in outcome else LABELLED
    return Tally(failed, versions, columns)
