"""Texts with their entities, from CoNLL columns, JSON lines or Parquet.

JSON lines and Parquet: `text`, `entities` of `label`, `start` and `end`, and optionally `document`,
which keeps the texts of one document on one side of a split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data import conll
from scripts.data.lines import suffix_of
from scripts.data.rows import check_names, read_parsed
from scripts.data.spans import Span, misplaced, parse_spans
from scripts.data.tables import open_table
from scripts.data.truth import TextRows, TruthForm


@dataclass(frozen=True)
class TaggedTexts:
    """Rows of one data set; `groups` names the document of each."""

    texts: list[str]
    spans: list[list[Span]]
    groups: list[str]

    def append(self, text: str, spans: list[Span], group: str) -> None:
        self.texts.append(text)
        self.spans.append(spans)
        self.groups.append(group)

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "TaggedTexts":
        return TaggedTexts(
            [self.texts[row] for row in rows],
            [self.spans[row] for row in rows],
            [self.groups[row] for row in rows],
        )

    @property
    def rows(self) -> TextRows[list[Span]]:
        """The rows without their documents."""
        return TextRows(self.texts, self.spans)

    def documents(self) -> "TaggedTexts":
        """Return the rows with the consecutive texts of each document joined into one."""
        joined = TaggedTexts([], [], [])
        for text, spans, group in zip(self.texts, self.spans, self.groups, strict=True):
            if joined.groups[-1:] != [group]:
                joined.append(text, list(spans), group)
                continue
            shift = len(joined.texts[-1]) + 1
            joined.texts[-1] += f" {text}"
            joined.spans[-1] += [Span(s.start + shift, s.end + shift, s.label) for s in spans]
        return joined


class EntityForm(TruthForm[list[Span]]):
    """The entities of a text, in reading order."""

    task = "token-classification"
    key = "entities"
    description = '"entities", a list of {"label", "start", "end"}'
    none = "no entities"
    options = frozenset({"renamed", "documents"})

    def read_singles(
        self, path: Path, labels: Sequence[str], *, documents: bool = False, **how: Any
    ) -> TextRows[list[Span]]:
        """Read a file, the texts of each document as one where asked; see `read_tagged`."""
        rows = read_tagged(path, labels, **how)
        return (rows.documents() if documents else rows).rows

    def parse(self, value: Any) -> list[Span]:
        return parse_spans(value)

    def written(self, truth: list[Span]) -> list[dict[str, Any]]:
        return [asdict(span) for span in truth]

    def labels_of(self, truth: list[Span]) -> Sequence[str]:
        return [span.label for span in truth]

    def problem(self, rows: TextRows[list[Span]]) -> str:
        for row, (text, spans) in enumerate(zip(rows.texts, rows.truth, strict=True), start=1):
            if wrong := misplaced(str(text), spans):
                return f"row {row}: {wrong}"
        return "" if any(rows.truth) else "it needs texts with entities"


def read_tagged(
    path: Path,
    labels: Sequence[str],
    renamed: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> TaggedTexts:
    """Read texts with their entities, and log how many there are of each label.

    `renamed` maps a label of the file to its name among `labels`, where the two differ. Raises
    DataError where a text, a tag, a span or a label is wrong.
    """
    if suffix_of(path) in conll.SUFFIXES:
        rows = TaggedTexts([], [], [])
        for text, spans, document in conll.read_sentences(path, encoding):
            rows.append(text, spans, document)
    else:
        rows = _read_spans(path, encoding)
    if not rows.texts:
        raise DataError(f"{path}: it has no texts.")
    names = renamed or {}
    named = [
        [replace(span, label=names.get(span.label, span.label)) for span in each]
        for each in rows.spans
    ]
    rows = replace(rows, spans=named)
    counts = dict.fromkeys(labels, 0)
    for number, (text, spans) in enumerate(zip(rows.texts, rows.spans, strict=True), start=1):
        for span in spans:
            if span.label not in counts:
                raise DataError(
                    f"{path}, text {number}: label '{span.label}' is none of {', '.join(labels)}."
                )
            counts[span.label] += 1
        if wrong := misplaced(text, spans):
            raise DataError(f"{path}, text {number}: {wrong}.")
    found = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    log(f"{path}: {len(rows):,} texts; entities: {found}")
    return rows


def _read_spans(path: Path, encoding: str | None) -> TaggedTexts:
    """Read a table of `text`, `entities`, and `document` where it has one."""
    table = open_table(path, encoding)
    check_names(path, table.names, ["text", "entities"])
    grouped = ["document"] if "document" in table.names else []
    texts, groups, spans = read_parsed(
        table, "text", lambda record: parse_spans(record.get("entities") or []), grouped
    )
    return TaggedTexts(texts, spans, groups[0] if groups else list(map(str, range(len(texts)))))
