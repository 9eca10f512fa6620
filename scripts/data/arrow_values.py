"""Values of Arrow arrays of any type as text, and as JSON."""

import base64
import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

Values = list[Any]

STRINGS = (types.is_string, types.is_large_string, types.is_string_view)
BYTES = (
    types.is_binary,
    types.is_large_binary,
    types.is_binary_view,
    types.is_fixed_size_binary,
)


def is_text(kind: pa.DataType) -> bool:
    """Return whether values are strings, or bytes that may be UTF-8."""
    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return any(test(kind) for test in (*STRINGS, *BYTES, types.is_null))


def is_scalar(kind: pa.DataType) -> bool:
    """Return whether values are text, integers or booleans."""
    if types.is_dictionary(kind):
        return is_scalar(kind.value_type)
    return is_text(kind) or types.is_integer(kind) or types.is_boolean(kind)


def column_strings(column: pa.ChunkedArray) -> list[str | None]:
    """Return scalars as text; bytes that are not UTF-8 become lone surrogates."""
    return [text for part in column.chunks for text in _strings(part)]


def json_values(array: pa.Array) -> Values:
    """Return an array as values of JSON, at any depth of nesting.

    Dates, times and decimals are text, durations counts of their unit, bytes are in base64, maps
    lists of pairs, numbers that JSON lacks null. Raises TypeError for a type that has no such form.
    """
    if isinstance(array, pa.ExtensionArray):
        return json_values(array.storage)
    for test, convert in CONVERSIONS:
        if test(array.type):
            return convert(array)
    raise TypeError(f"unknown type {array.type}")


def _strings(array: pa.Array) -> list[str | None]:
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not is_text(array.type):
        array = array.cast(pa.string())
    # Nothing checks strings for UTF-8 when they are written.
    values = array.cast(pa.large_binary()).to_pylist()
    return [None if each is None else each.decode("utf-8", "surrogateescape") for each in values]


def _plain(array: pa.Array) -> Values:
    return list(array.to_pylist())


def _finite(array: pa.Array) -> Values:
    return [v if v is not None and math.isfinite(v) else None for v in array.to_pylist()]


def _base64(array: pa.Array) -> Values:
    values = array.cast(pa.large_binary()).to_pylist()
    return [None if v is None else base64.b64encode(v).decode() for v in values]


def _dates(array: pa.Array) -> Values:
    """Return dates and timestamps as Arrow writes them, and in UTC where the zone is unknown."""
    kind = array.type
    try:
        texts = array.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        utc = _dates(array.cast(pa.timestamp(kind.unit)))
        return [text and f"{text}Z" for text in utc]
    if any(text and text.startswith("<") for text in texts):  # beyond the years that Arrow writes
        days = types.is_date(kind)
        numbers = array.cast(pa.date32()).cast(pa.int32()) if days else array.cast(pa.int64())
        unit = "D" if days else kind.unit
        written = [v if v is None else str(np.array(v, f"M8[{unit}]")) for v in numbers.to_pylist()]
        return [text and text.replace("T", " ") for text in written]
    return list(texts)


def _structs(array: pa.StructArray) -> Values:
    names = [field.name for field in array.type]
    if len(set(names)) < len(names):
        raise TypeError("two of its members have one name")
    members = [json_values(member) for member in array.flatten()]
    rows = zip(*members, strict=True) if members else iter([()] * len(array))
    valid = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if there else None
        for there, row in zip(valid, rows, strict=True)
    ]


def _lists(array: pa.Array, values_of: Callable[[pa.Array], Values] = json_values) -> Values:
    """Return lists of any Arrow type; `values_of` converts the values of all of them together."""
    parts = [scalar.values if scalar.is_valid else None for scalar in array]
    present = [part for part in parts if part is not None]
    # An empty array, too, shows whether its type has a form.
    values = iter(values_of(pa.concat_arrays(present) if present else _no_values(array.type)))
    return [None if part is None else list(islice(values, len(part))) for part in parts]


def _no_values(kind: pa.DataType) -> pa.Array:
    if types.is_map(kind):
        return pa.array([], pa.struct([kind.key_field, kind.item_field]))
    return pa.array([], kind.value_type)


def _pairs(entries: pa.StructArray) -> Values:
    keys, items = (json_values(member) for member in entries.flatten())
    return [[key, item] for key, item in zip(keys, items, strict=True)]


def _any(*tests: Callable[[pa.DataType], bool]) -> Callable[[pa.DataType], bool]:
    return lambda kind: any(test(kind) for test in tests)


CONVERSIONS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Values]]] = (
    (types.is_dictionary, lambda array: json_values(array.dictionary_decode())),
    (types.is_run_end_encoded, lambda array: json_values(pc.run_end_decode(array))),
    (_any(types.is_null, types.is_boolean, types.is_integer), _plain),
    (types.is_floating, _finite),
    (_any(*STRINGS), _strings),
    (_any(*BYTES), _base64),
    (types.is_duration, lambda array: _plain(array.cast(pa.int64()))),
    (_any(types.is_date, types.is_timestamp), _dates),
    (_any(types.is_time, types.is_decimal), lambda array: _plain(array.cast(pa.string()))),
    (types.is_struct, _structs),
    (types.is_map, lambda array: _lists(array, _pairs)),
    (
        _any(types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view),
        _lists,
    ),
    (types.is_large_list_view, _lists),
)
