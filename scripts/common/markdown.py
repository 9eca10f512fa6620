"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], figures: Sequence[bool] | None = None
) -> str:
    """Return a table.

    Args:
        figures: which columns hold figures, and are aligned to the right; all but the first if
            None.
    """
    if figures is None:
        figures = [False] + [True] * (len(header) - 1)
    lines = [header, ["---:" if right else "---" for right in figures], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
