"""Figures, lists and tables of Markdown pages, and parts of a page that a command writes."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError

NUMBER_STARTS = tuple("0123456789–<")


def percent(part: float, whole: float) -> str:
    """Return a share with one decimal; a share above zero is never shown as 0.0 %."""
    share = 100 * part / whole if whole else 0.0
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def bold_list(names: Sequence[str]) -> str:
    """Return names in bold, as a sentence lists them: a, b and c."""
    bold = [f"**{name}**" for name in names]
    return " and ".join([*([", ".join(bold[:-1])] if bold[1:] else []), bold[-1]])


def markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], figures: Sequence[bool] | None = None
) -> str:
    """Return a Markdown table.

    `figures` says which columns are aligned to the right; by default those whose cells all begin
    like a number.
    """
    figures = figures or [
        all(cell.startswith(NUMBER_STARTS) for cell in column) for column in zip(*rows, strict=True)
    ]
    lines = [header, ["---:" if right else "---" for right in figures], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_of_lines(header: str, rows: Iterable[str], *, figures: bool) -> str:
    """Return a Markdown table of lines in which ` | ` separates the cells.

    With `figures` all columns but the first are aligned to the right.
    """
    names = header.split(" | ")
    right = [False] + [figures] * (len(names) - 1)
    return markdown_table(names, [row.split(" | ") for row in rows], right)


def fill_page(template: Path, **values: Any) -> str:
    """Return a page with values in its braces, without the gaps that empty ones leave."""
    page = template.read_text(encoding="utf-8").format(**values)
    return re.sub(r"\n{3,}", "\n\n", page)


def replace_part(page: Path, name: str, text: str) -> str:
    """Return a page with another text between `<!-- NAME -->` and `<!-- /NAME -->`.

    Raises CommandError where the page lacks one of these two lines.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, opened, rest = page.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise CommandError(f"{page}: has no lines {start.strip()} and {end.strip()}")
    return f"{before}{start}{text}{end}{after}"
