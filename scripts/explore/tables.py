"""The tables of a data report.

The texts that it quotes are other people's: no more than shows their kind.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from scripts.common.markdown import markdown_table, percent
from scripts.explore.duplicates import Overlap, Repeats, single_label_groups
from scripts.explore.survey import HTML_BREAK, TOKEN_LIMITS, CountedTexts, Survey

MOST_SAMPLES = 8
MOST_CHARACTERS = 100
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")


def sources_table(survey: Survey) -> str:
    """Return the size and form of every source."""
    header = ["source", "rows", "with HTML breaks", "with non-ASCII", "empty", "SHA-256"]
    return markdown_table(
        header,
        [
            [
                source.name,
                f"{len(source):,}",
                percent(sum(bool(HTML_BREAK.search(text)) for text in source.texts), len(source)),
                percent(sum(not text.isascii() for text in source.texts), len(source)),
                f"{sum(not text.strip() for text in source.texts):,}",
                f"`{survey.digests[source.name][:12]}`" if survey.digests[source.name] else "–",
            ]
            for source in survey.sources
        ],
    )


def parts_table(parts: Sequence[CountedTexts], labels: Sequence[str]) -> str:
    """Return the rows and labels of every part."""
    return markdown_table(
        ["part", "rows", *labels],
        [
            [
                part.name,
                f"{len(part):,}",
                *(
                    f"{part.labels.count(code):,} ({percent(part.labels.count(code), len(part))})"
                    if part.labels
                    else "–"
                    for code in range(len(labels))
                ),
            ]
            for part in parts
        ],
    )


def lengths_table(sources: Sequence[CountedTexts]) -> str:
    """Return length quantiles, and the share of texts beyond each of TOKEN_LIMITS."""
    limits = [f"> {limit} tokens" for limit in TOKEN_LIMITS]
    header = ["source", "words: median", "95 %", "longest", "tokens: median", "95 %", "longest"]
    return markdown_table(
        header + limits,
        [
            [
                source.name,
                *(
                    f"{int(np.percentile(lengths, share)):,}"
                    for lengths in (source.words, source.tokens)
                    for share in (50, 95, 100)
                ),
                *(
                    percent(int((source.tokens > limit).sum()), len(source))
                    for limit in TOKEN_LIMITS
                ),
            ]
            for source in sources
        ],
    )


def repeats_table(found: Sequence[Repeats]) -> str:
    """Return the repeated texts of sources or parts."""
    return markdown_table(
        ["inside", "exact repeats", "normalised repeats", "contradicting texts"],
        [
            [
                one.part.name,
                f"{one.exact:,}",
                f"{one.normalised:,} ({percent(one.normalised, len(one.part))})",
                f"{one.contradicting:,}" if one.part.labels else "–",
            ]
            for one in found
        ],
    )


def overlaps_table(found: Sequence[Overlap]) -> str:
    """Return the pairs that share texts, and the number of pairs that share none."""
    shown = [pair for pair in found if pair.normalised]
    rows = [
        [
            pair.second.name,
            pair.first.name,
            f"{pair.exact:,}",
            f"{pair.normalised:,} ({percent(pair.normalised, len(pair.second))})",
            f"{pair.contradicting:,}" if pair.first.labels and pair.second.labels else "–",
        ]
        for pair in shown
    ]
    rest = f"{len(found) - len(shown)} of {len(found)} pairs share no text."
    if not rows:
        return rest
    header = ["rows of", "also in", "exact", "normalised", "with another label"]
    return f"{markdown_table(header, rows)}\n\n{rest}"


def groups_table(survey: Survey, between: Sequence[Overlap]) -> str:
    """Return the groups of each source that has them, and those that two of its parts share."""
    header = ["source", "groups", "rows a group: median", "most", "of two rows or more, one label"]
    rows = []
    for source in survey.sources:
        if source.groups:
            sizes = Counter(source.groups)
            single, several = single_label_groups(source)
            rows.append(
                [
                    source.name,
                    f"{len(sizes):,}",
                    f"{np.median(list(sizes.values())):g}",
                    f"{max(sizes.values()):,}",
                    f"{single:,} of {several:,}" if source.labels else "–",
                ]
            )
    shared = [
        [
            pair.first.name,
            pair.second.name,
            f"{len({*pair.first.groups} & {*pair.second.groups}):,}",
        ]
        for pair in between
        if pair.first.dataset == pair.second.dataset and pair.first.groups and pair.second.groups
    ]
    tables = [markdown_table(header, rows)]
    if shared:
        tables.append(markdown_table(["part", "part", "groups in both"], shared))
    return "\n\n".join(tables)


def samples_table(parts: Sequence[CountedTexts], labels: Sequence[str]) -> str:
    """Return at most MOST_SAMPLES snippets, the same number per label and part, drawn by hash."""
    each = max(1, MOST_SAMPLES // (len(parts) * len(labels)))
    rows = []
    for part in parts:
        drawn = sorted(
            range(len(part)), key=lambda row: hashlib.sha256(part.texts[row].encode()).digest()
        )
        for code, label in enumerate(labels):
            chosen = [row for row in drawn if part.labels[row] == code][:each]
            rows += [[part.dataset, label, snippet(part.texts[row])] for row in chosen]
    return markdown_table(["data set", "label", "text"], rows[:MOST_SAMPLES])


def snippet(text: str) -> str:
    """Return the beginning of a text in one line of MOST_CHARACTERS, with its markup escaped."""
    line = " ".join(HTML_BREAK.sub(" ", text).split())
    if len(line) > MOST_CHARACTERS:
        line = line[: MOST_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
    return MARKDOWN.sub(r"\\\1", line)
