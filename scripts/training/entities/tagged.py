"""Texts with the entities that they name."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """Code points [start, end) of a text, and what they name."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class TaggedTexts:
    """Rows of one data set. groups: the document of each."""

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
        """The same with the texts of each document, which follow each other, as one text."""
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
