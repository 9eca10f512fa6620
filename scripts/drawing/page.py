"""A part of a page that a command writes, between two comments that no reader sees."""

from pathlib import Path

from scripts.common.errors import CommandError


def with_part(page: Path, name: str, text: str) -> str:
    """A page with another text between `<!-- NAME -->` and `<!-- /NAME -->`.

    Raises CommandError where the page has not these two lines.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, opened, rest = page.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise CommandError(f"{page}: has no lines {start.strip()} and {end.strip()}")
    return f"{before}{start}{text}{end}{after}"
