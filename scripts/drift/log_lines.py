"""Lines of the prediction log in any kind of file: JSON lines, gzip, Parquet."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet

KINDS = ("prediction", "feedback")
OURS = re.compile(r'"log"\s*:\s*"(prediction|feedback)"')
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"

ENTITIES = pa.list_(pa.struct([("label", pa.string()), ("start", pa.int64()), ("end", pa.int64())]))
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("log", "id", "time", "model", "version")),
        *((name, pa.string()) for name in ("label", "stage")),
        ("labels", pa.map_(pa.string(), pa.int64())),
        *((name, pa.float64()) for name in ("score", "margin")),
        *((name, pa.int64()) for name in ("characters", "tokens", "words", "windows")),
        *((name, pa.string()) for name in ("text_hmac", "text")),
        ("entities", ENTITIES),
    ]
)

# One line of the log, or None for one that is damaged.
Line = dict[str, Any] | None


def lines_of(content: bytes) -> Iterator[Line]:
    """Yield the log's lines in a file, whose first bytes show its kind; skip other lines."""
    if content.startswith(PARQUET):
        yield from _parquet_rows(content)
        return
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error):
            yield None
            return
    for line in content.split(b"\n"):
        yield from parse_line(line.decode("utf-8", "replace"))


def parse_line(line: str) -> Iterator[Line]:
    """Yield the records in a line of a captured output: usually none, or one.

    Firehose may write records without a line break between them; they are separated.
    """
    if not OURS.search(line):
        return
    at, decoder = line.find("{"), json.JSONDecoder()
    while 0 <= at < len(line):
        try:
            record, end = decoder.raw_decode(line, at)
        except json.JSONDecodeError:
            yield None
            return
        if record.get("log") in KINDS:
            yield record
        at = line.find("{", end)


def time_of(line: dict[str, Any]) -> datetime:
    """Return when a line was written; a time without a zone is in UTC.

    Raises KeyError, TypeError or ValueError if the line has no valid time.
    """
    time = datetime.fromisoformat(line["time"])
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def write_parquet(records: list[dict[str, Any]]) -> bytes:
    """Return records as a Parquet file, without members that are not in SCHEMA."""
    table = pa.Table.from_pylist(records, schema=SCHEMA)
    sink = BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def _parquet_rows(content: bytes) -> Iterator[Line]:
    try:
        table = pa.parquet.read_table(BytesIO(content))
    except (pa.ArrowException, OSError):
        yield None
        return
    for row in table.to_pylist(maps_as_pydicts="strict"):
        record = {name: value for name, value in row.items() if value is not None}
        if record.get("log") in KINDS:
            yield record
