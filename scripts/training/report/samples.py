"""A few short quotations. The texts are other people's: no more than what shows their kind."""

import hashlib
import re
from collections.abc import Sequence

from scripts.training.report.markdown import table
from scripts.training.report.survey import HTML_BREAK, Rows

MOST_SAMPLES = 8
MOST_CHARACTERS = 100
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")


def samples_table(parts: Sequence[Rows], labels: Sequence[str]) -> str:
    """At most MOST_SAMPLES snippets, as many of each label of each part, drawn by hash."""
    each = max(1, MOST_SAMPLES // (len(parts) * len(labels)))
    rows = []
    for part in parts:
        drawn = sorted(
            range(len(part)), key=lambda row: hashlib.sha256(part.texts[row].encode()).digest()
        )
        for code, label in enumerate(labels):
            chosen = [row for row in drawn if part.labels[row] == code][:each]
            rows += [[part.dataset, label, snippet(part.texts[row])] for row in chosen]
    return table(["data set", "label", "text"], rows[:MOST_SAMPLES])


def snippet(text: str) -> str:
    """The beginning of a text on one line, at most MOST_CHARACTERS, with no markup alive."""
    line = " ".join(HTML_BREAK.sub(" ", text).split())
    if len(line) > MOST_CHARACTERS:
        line = line[: MOST_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
    return MARKDOWN.sub(r"\\\1", line)
