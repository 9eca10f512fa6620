"""Texts with their entities, from CoNLL columns, JSON lines or Parquet.

CoNLL: one word a line, its tag last, an empty line between sentences, `-DOCSTART-` between
documents. JSON lines and Parquet: `text`, `entities` of `label`, `start` and `end`, and optionally
`document`, which keeps the texts of one document on one side of a split.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.common.errors import DataError
from scripts.data.labelled_texts import read_table

CONLL = {".txt", ".conll", ".iob", ".bio"}
DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True, order=True)
class Span:
    """An entity: its code points [start, end) of a text, and its label."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class TaggedTexts:
    """Rows of one data set; `groups` names the document of each."""

    texts: list[str]
    spans: list[list[Span]]
    groups: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: Sequence[int]) -> "TaggedTexts":
        return TaggedTexts(
            [self.texts[row] for row in rows],
            [self.spans[row] for row in rows],
            [self.groups[row] for row in rows],
        )

    def documents(self) -> "TaggedTexts":
        """Return the rows with the consecutive texts of each document joined into one."""
        joined = TaggedTexts([], [], [])
        for text, spans, group in zip(self.texts, self.spans, self.groups, strict=True):
            if joined.groups[-1:] != [group]:
                joined.texts.append(text)
                joined.spans.append(list(spans))
                joined.groups.append(group)
                continue
            shift = len(joined.texts[-1]) + 1
            joined.texts[-1] += f" {text}"
            joined.spans[-1] += [Span(s.start + shift, s.end + shift, s.label) for s in spans]
        return joined


def read_tagged(
    path: Path, labels: Sequence[str], renamed: Mapping[str, str] | None = None
) -> TaggedTexts:
    """Read texts with their entities. Raises DataError where a tag, a span or a label is wrong.

    `renamed` maps a label of the file to its name among `labels`, where the two differ.
    """
    rows = _read_conll(path) if path.suffix.lower() in CONLL else _read_spans(path)
    if not any(text.strip() for text in rows.texts):
        raise DataError(f"{path}: it has no texts, or empty ones alone.")
    names = renamed or {}
    named = [
        [replace(span, label=names.get(span.label, span.label)) for span in each]
        for each in rows.spans
    ]
    rows = replace(rows, spans=named)
    for number, (text, spans) in enumerate(zip(rows.texts, rows.spans, strict=True), start=1):
        for span in spans:
            if span.label not in labels:
                raise DataError(
                    f"{path}, text {number}: label '{span.label}' is none of {', '.join(labels)}."
                )
        if wrong := misplaced(text, spans):
            raise DataError(f"{path}, text {number}: {wrong}.")
    return rows


def misplaced(text: str, spans: Sequence[Span]) -> str:
    """Return what is wrong with the first span outside of its text or before; empty if none is."""
    end = 0
    for span in spans:
        if not end <= span.start < span.end <= len(text):
            edges = f"[{span.start}, {span.end})"
            return f"{edges} lies outside the text, or overlaps the entity before it"
        end = span.end
    return ""


def _read_conll(path: Path) -> TaggedTexts:
    rows = TaggedTexts([], [], [])
    document = 0
    for lines in _sentences(path):
        if lines[0][1][0] == DOCUMENT:
            document += 1
            lines = lines[1:]
        if lines:
            text, spans = _sentence(path, lines)
            rows.texts.append(text)
            rows.spans.append(spans)
            # Where there are no documents, each sentence is one.
            rows.groups.append(str(document or len(rows.texts)))
    return rows


def _sentences(path: Path) -> Iterator[list[tuple[int, list[str]]]]:
    """Yield the numbered lines of each sentence, in columns."""
    sentence: list[tuple[int, list[str]]] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        columns = line.split("\t") if "\t" in line else line.split()
        if any(columns):
            sentence.append((number, [column.strip() for column in columns]))
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _sentence(path: Path, lines: Sequence[tuple[int, list[str]]]) -> tuple[str, list[Span]]:
    """Return a sentence's words joined by spaces, and its entities.

    An entity begins at `B-`, and at `I-` unless it continues one of the same label, so that IOB1
    and IOB2 are both understood.
    """
    text, spans, before = "", list[Span](), "O"
    for number, columns in lines:
        tag = columns[-1]
        if len(columns) < 2 or not (tag == "O" or (tag[:2] in ("B-", "I-") and tag[2:])):
            raise DataError(f"{path}, line {number}: give a word and O, B-LABEL or I-LABEL.")
        text += " " * bool(text)
        start, end = len(text), len(text) + len(columns[0])
        text += columns[0]
        if tag[0] == "I" and before[2:] == tag[2:]:
            spans[-1] = Span(spans[-1].start, end, tag[2:])
        elif tag != "O":
            spans.append(Span(start, end, tag[2:]))
        before = tag
    return text, spans


def _read_spans(path: Path) -> TaggedTexts:
    table = read_table(path)
    missing = [name for name in ("text", "entities") if name not in table.column_names]
    if missing:
        raise DataError(
            f"{path}: no column '{missing[0]}'; it has {', '.join(table.column_names)}. Give `text`"
            " and `entities`, or a file of CoNLL columns that ends in .txt or .conll."
        )
    rows: list[dict[str, Any]] = table.to_pylist()
    try:
        spans = [
            sorted(
                Span(int(e["start"]), int(e["end"]), str(e["label"])) for e in row["entities"] or []
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: an entity has `label`, `start` and `end`: {error!r}") from error
    groups = [str(row.get("document", number)) for number, row in enumerate(rows)]
    return TaggedTexts([str(row["text"] or "") for row in rows], spans, groups)
