"""Entities as spans of a text."""

from collections.abc import Sequence
from dataclasses import dataclass

FORM = {"label": str, "start": int, "end": int}


@dataclass(frozen=True, order=True)
class Span:
    """An entity: its code points [start, end) of a text, and its label."""

    start: int
    end: int
    label: str


def parse_spans(value: object) -> list[Span]:
    """Return entities from JSON, in reading order. Raises ValueError where one has another form."""
    wanted = 'entities are a list of {"label": string, "start": integer, "end": integer}'
    if not isinstance(value, list):
        raise ValueError(f"{wanted}, not {value!r}")
    spans = []
    for entity in value:
        kinds = {key: type(entity.get(key)) for key in FORM} if isinstance(entity, dict) else {}
        if kinds != FORM:
            raise ValueError(f"{wanted}, not {entity!r}")
        spans.append(Span(entity["start"], entity["end"], entity["label"]))
    return sorted(spans)


def misplaced(text: str, spans: Sequence[Span]) -> str:
    """Return what is wrong with the first span outside of its text or before; empty if none is."""
    end = 0
    for span in spans:
        if not end <= span.start < span.end <= len(text):
            edges = f"[{span.start}, {span.end})"
            return f"{edges} lies outside the text, or overlaps the entity before it"
        end = span.end
    return ""
