"""Golden sets from content that was frozen, and from files that people keep."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from function.core.heads import USUAL_ANSWERS, AnswerKey, Task
from function.core.tokenization import Text, TextPair
from scripts.common.errors import DataError
from scripts.common.progress import log
from scripts.data.forms import FORMS
from scripts.data.rows import TEXT_PAIR
from scripts.data.truth import TruthForm
from scripts.gate.golden_set import GoldenSet, words_of


def parse_golden(content: bytes) -> GoldenSet[Any]:
    """Parse JSON lines, canonical or not, into a set of the head that their keys say.

    Raises DataError where a line is no row, or one of another head than those before it.
    """
    texts: list[Text] = []
    truths = []
    form: TruthForm[Any] | None = None
    for number, row in _rows(content):
        where = f"golden set, line {number}"
        pair = row.pop(TEXT_PAIR, None)
        found = [each for each in FORMS.values() if row.keys() == _members(each)]
        if not found or not isinstance(row["text"], str) or not isinstance(pair, str | None):
            known = " or ".join(each.description for each in FORMS.values())
            raise DataError(f'{where}: give a "text", a string, and {known}')
        if form not in (None, found[0]):
            raise DataError(
                f"{where}: it has {found[0].description}; the lines before it have "
                f"{form.description}"
            )
        form = found[0]
        try:
            value = {name: row[name] for name in form.columns} or row[form.key]
            truths.append(form.parse(value))
        except ValueError as error:
            raise DataError(f"{where}: give {form.description}: {error}") from error
        texts.append(row["text"] if pair is None else TextPair(row["text"], pair))
    if form is None:
        raise DataError("golden set: it has no rows")
    return GoldenSet(form, texts, truths)


def _members(form: TruthForm[Any]) -> set[str]:
    return {"text", *(form.columns or [form.key])}


def read_golden(
    path: Path,
    task: Task,
    labels: Sequence[str],
    encoding: str | None = None,
    sample: int | None = None,
    *,
    answer_key: AnswerKey | None = None,
    pairs: bool = False,
) -> GoldenSet[Any]:
    """Read the data of a model of this task and these labels. Raises DataError.

    With a `sample` the set is that many rows; see `draw_sample`. `answer_key` is that of its head;
    by default the task's usual one. With `pairs` second texts are in the column `text_pair`.
    """
    form = FORMS[answer_key or USUAL_ANSWERS[task]]
    rows = form.read(path, labels, pairs=pairs, encoding=encoding)
    try:
        if sample is not None:
            strata = [form.stratum(each) for each in rows.truth]
            rows = rows.select(draw_sample(rows.texts, strata, sample))
        return GoldenSet(form, rows.texts, rows.truth)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def draw_sample(texts: Sequence[Text], strata: Sequence[str], count: int) -> list[int]:
    """Return rows, of every stratum its share, and log how many of each.

    Digests of texts decide which, and their order: the same data in another order give the same
    set. Empty texts and repeated ones are left out. Raises DataError for too few rows.
    """
    first = {words_of(text): row for row, text in reversed(list(enumerate(texts)))}
    rows = [row for text, row in sorted(first.items(), key=_digest) if all(text)]
    sizes, seen = Counter(strata[row] for row in rows), Counter[str]()
    if not len(sizes) <= count <= len(rows):
        raise DataError(
            f"a sample of {count} rows: give from {len(sizes)}, one of each label, to {len(rows)}, "
            "all that differ"
        )
    rank = {}
    for row in rows:
        rank[row] = seen[strata[row]] / sizes[strata[row]]  # how far it is in its stratum
        seen[strata[row]] += 1
    chosen = set(sorted(rows, key=rank.__getitem__)[:count])
    taken = Counter(strata[row] for row in chosen)
    shown = ", ".join(f"{name} {taken[name]:,} of {sizes[name]:,}" for name in sorted(sizes))
    log(f"sample: {count:,} of {len(rows):,} rows; {shown}")
    return [row for row in rows if row in chosen]


def _digest(item: tuple[tuple[str, ...], int]) -> bytes:
    return hashlib.sha256("\0".join(item[0]).encode("utf-8", "surrogatepass")).digest()


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line that is not empty, with its number."""
    # Not splitlines: inside a text, U+2028 ends no line of the file.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"golden set, line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"golden set, line {number}: not a JSON object")
        yield number, row
