"""How figures and tables look in a Markdown report."""

from collections.abc import Sequence

from scripts.common import markdown

NUMBER_STARTS = tuple("0123456789–<")


def percent(part: float, whole: float) -> str:
    """A share with one decimal; one that is not nothing never reads 0.0 %."""
    share = 100 * part / whole if whole else 0.0
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns of figures are aligned to the right."""
    figures = [
        all(cell.startswith(NUMBER_STARTS) for cell in column) for column in zip(*rows, strict=True)
    ]
    return markdown.table(header, rows, figures)


def listed(names: Sequence[str]) -> str:
    """Names in bold, as a sentence lists them: a, b and c."""
    bold = [f"**{name}**" for name in names]
    return " and ".join([*([", ".join(bold[:-1])] if bold[1:] else []), bold[-1]])
