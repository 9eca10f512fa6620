"""The tables of a data report.

The texts that it quotes are other people's: no more than shows their kind.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from scripts.common.markdown import markdown_table, percent
from scripts.explore.duplicates import Overlap, count_repeats, single_label_groups
from scripts.explore.survey import HTML_BREAK, TOKEN_LIMITS, CountedTexts, Survey

MOST_SAMPLES = 8
MOST_CHARACTERS = 100
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")


def _with_share(count: int, whole: CountedTexts) -> str:
    return f"{count:,} ({percent(count, len(whole))})"


def sources(survey: Survey) -> str:
    """Return the size and form of every source."""

    def row(source: CountedTexts) -> list[str]:
        texts, digest = source.texts, survey.digests[source.name]
        return [
            source.name,
            f"{len(texts):,}",
            percent(sum(bool(HTML_BREAK.search(text)) for text in texts), len(texts)),
            percent(sum(not text.isascii() for text in texts), len(texts)),
            f"{sum(not text.strip() for text in texts):,}",
            f"`{digest[:12]}`" if digest else "–",
        ]

    header = ["source", "rows", "with HTML breaks", "with non-ASCII", "empty", "SHA-256"]
    return markdown_table(header, [row(source) for source in survey.sources])


def parts(found: Sequence[CountedTexts], labels: Sequence[str]) -> str:
    """Return the rows and labels of every part."""

    def row(part: CountedTexts) -> list[str]:
        counts = [_with_share(part.labels.count(code), part) for code in range(len(labels))]
        return [part.name, f"{len(part):,}", *(counts if part.labels else ["–"] * len(labels))]

    return markdown_table(["part", "rows", *labels], [row(part) for part in found])


def lengths(texts: Sequence[CountedTexts]) -> str:
    """Return length quantiles, and the share of texts beyond each of TOKEN_LIMITS."""

    def row(source: CountedTexts) -> list[str]:
        quantiles = [np.percentile(each, (50, 95, 100)) for each in (source.words, source.tokens)]
        shown = [f"{int(length):,}" for each in quantiles for length in each]
        beyond = [int((source.tokens > limit).sum()) for limit in TOKEN_LIMITS]
        return [source.name, *shown, *(percent(count, len(source)) for count in beyond)]

    header = ["source", "words: median", "95 %", "longest", "tokens: median", "95 %", "longest"]
    header += [f"> {limit} tokens" for limit in TOKEN_LIMITS]
    return markdown_table(header, [row(each) for each in texts])


def repeats(texts: Sequence[CountedTexts]) -> str:
    """Return the repeated texts of sources or parts."""

    def row(part: CountedTexts) -> list[str]:
        found = count_repeats(part)
        contradicting = f"{found.contradicting:,}" if part.labels else "–"
        return [part.name, f"{found.exact:,}", _with_share(found.normalised, part), contradicting]

    header = ["inside", "exact repeats", "normalised repeats", "contradicting texts"]
    return markdown_table(header, [row(part) for part in texts])


def overlaps(found: Sequence[Overlap]) -> str:
    """Return the pairs that share texts, and the number of pairs that share none."""
    rows = [
        [
            pair.second.name,
            pair.first.name,
            f"{pair.exact:,}",
            _with_share(pair.normalised, pair.second),
            f"{pair.contradicting:,}" if pair.first.labels and pair.second.labels else "–",
        ]
        for pair in found
        if pair.normalised
    ]
    rest = f"{len(found) - len(rows)} of {len(found)} pairs share no text."
    header = ["rows of", "also in", "exact", "normalised", "with another label"]
    return f"{markdown_table(header, rows)}\n\n{rest}" if rows else rest


def groups(survey: Survey, between: Sequence[Overlap]) -> str:
    """Return the groups of each source that has them, and those that two of its parts share."""

    def row(source: CountedTexts) -> list[str]:
        sizes = list(Counter(source.groups).values())
        single, several = single_label_groups(source)
        return [
            source.name,
            f"{len(sizes):,}",
            f"{np.median(sizes):g}",
            f"{max(sizes):,}",
            f"{single:,} of {several:,}" if source.labels else "–",
        ]

    header = ["source", "groups", "rows a group: median", "most", "of two rows or more, one label"]
    tables = [markdown_table(header, [row(source) for source in survey.sources if source.groups])]
    shared = [
        [pair.first.name, pair.second.name, f"{len(pair.shared_groups):,}"]
        for pair in between
        if pair.first.dataset == pair.second.dataset and pair.first.groups and pair.second.groups
    ]
    if shared:
        tables.append(markdown_table(["part", "part", "groups in both"], shared))
    return "\n\n".join(tables)


def samples(drawn_from: Sequence[CountedTexts], labels: Sequence[str]) -> str:
    """Return at most MOST_SAMPLES snippets, the same number per label and part, drawn by hash."""
    each = max(1, MOST_SAMPLES // (len(drawn_from) * len(labels)))
    rows = []
    for part in drawn_from:
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
