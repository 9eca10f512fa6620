"""Columns of a fixed type for rows of JSON, which has none."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

EXACT = 2**53  # below it a float of 64 bits holds every integer
LARGEST = 2**63


class ColumnTypes:
    """The type of each member that was seen, in the order of their first appearance.

    Values of one kind keep it, integers among floats become floats where that loses nothing, and
    whatever is mixed or nested becomes text: strings as they are, the rest as JSON.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}

    def see(self, record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            kinds = self._kinds.setdefault(name, set())
            if value is not None:
                kinds.add(_kind(value))

    def schema(self) -> pa.Schema:
        return pa.schema([(name, _type(kinds)) for name, kinds in self._kinds.items()])


def cell(value: Any, kind: pa.DataType) -> Any:
    """A value for a column of that type."""
    if value is None or isinstance(value, str) or not pa.types.is_string(kind):
        return value
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "truth"
        case int() if abs(value) < EXACT:
            return "small"
        case int() if -LARGEST <= value < LARGEST:
            return "integer"
        case float():
            return "float"
        case _:
            return "text"


def _type(kinds: set[str]) -> pa.DataType:
    if kinds == {"truth"}:
        return pa.bool_()
    if kinds and kinds <= {"small", "integer"}:
        return pa.int64()
    if kinds and kinds <= {"small", "float"}:
        return pa.float64()
    return pa.string()
