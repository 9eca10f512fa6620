"""CoNLL columns: one word a line, its tag last, an empty line between sentences.

`-DOCSTART-` begins a document wherever it stands. Tags are IOB1, IOB2, BIOES or BILOU.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.common.errors import DataError
from scripts.data.lines import NOT_ENCODED, read_lines, refuse_other_encoding, suggest_encoding
from scripts.data.rows import is_unicode
from scripts.data.spans import Span

SUFFIXES = (".txt", ".conll", ".iob", ".bio")
DOCUMENT = "-DOCSTART-"
TAG = re.compile(r"O|[BIESLU]-.+")
SINGLE, LAST = "SU", "EL"  # prefixes of an entity's only word and of its last one


@dataclass(frozen=True)
class Word:
    """A line of a sentence: its number, and its columns, the word first and the tag last."""

    line: int
    columns: list[str]


@dataclass
class Sentence:
    """Consecutive words, of the document with that number; 0 before the first one."""

    document: int
    words: list[Word] = field(default_factory=list)


def read_sentences(path: Path, encoding: str | None) -> Iterator[tuple[str, list[Span], str]]:
    """Yield each sentence as a text of words joined by spaces, its entities, and its document.

    Where there are no documents, each sentence is one. Raises DataError with the line of a word
    that has no tag.
    """
    for number, sentence in enumerate(_sentences(path, encoding), start=1):
        if words := _without_comments(sentence.words):
            yield *_join(path, words), str(sentence.document or number)


def _sentences(path: Path, encoding: str | None) -> Iterator[Sentence]:
    if encoding is None:
        refuse_other_encoding(path)
    sentence = Sentence(0)
    for number, line in enumerate(read_lines(path, encoding, "\n"), start=1):
        if not is_unicode(line):
            raise DataError(f"{path}, line {number}: {NOT_ENCODED}{suggest_encoding(path)}")
        columns = _columns(line)
        document = columns[:1] == [DOCUMENT]
        if (not columns or document) and sentence.words:
            yield sentence
            sentence = Sentence(sentence.document)
        if document:
            sentence.document += 1
        elif columns:
            sentence.words.append(Word(number, columns))
    if sentence.words:
        yield sentence


def _columns(line: str) -> list[str]:
    """Split at tabs or else blanks, of ASCII alone: other spaces are parts of words."""
    line = line.rstrip("\r\n").rstrip(" \t")
    if "\t" in line:
        return [column.strip(" ") for column in line.split("\t")]
    return [column for column in line.split(" ") if column]


def _without_comments(words: Sequence[Word]) -> list[Word]:
    """Drop the lines before a sentence that begin with # and are no words of it."""
    width = len(words[-1].columns)
    kept = list(words)
    while kept and kept[0].columns[0].startswith("#") and not _is_word(kept[0], width):
        del kept[0]
    return kept


def _is_word(word: Word, width: int) -> bool:
    return len(word.columns) == width and bool(TAG.fullmatch(word.columns[-1]))


def _join(path: Path, words: Sequence[Word]) -> tuple[str, list[Span]]:
    """Return words joined by spaces, and their entities.

    An entity begins at B and S, and at any other tag that does not continue one of the same label.
    """
    text, spans, before = "", list[Span](), "O"
    for word in words:
        tag = word.columns[-1]
        if len(word.columns) < 2 or not word.columns[0] or not TAG.fullmatch(tag):
            raise DataError(
                f"{path}, line {word.line}: give a word and its tag, O or B-LABEL or I-LABEL"
            )
        text += " " * bool(text)
        start, end = len(text), len(text) + len(word.columns[0])
        text += word.columns[0]
        begins = tag[0] in "B" + SINGLE or before[0] in "O" + LAST + SINGLE
        if tag != "O" and not begins and before[2:] == tag[2:]:
            spans[-1] = Span(spans[-1].start, end, tag[2:])
        elif tag != "O":
            spans.append(Span(start, end, tag[2:]))
        before = tag
    return text, spans
