"""What each stage consists of, and which findings of cdk-nag stay in it, as a page."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from scripts.drawing.templates import Acknowledged, Templates

PAGE = """# What the CDK app makes

Written by a command, not by hand, from the templates: `make diagram`.

Resources of each stack. What cdk-nag (AwsSolutions) finds in them stops a synthesis, except what
somebody looked at and acknowledged, which has its reason below.

{table}

## What stays, and why

{reasons}"""


def page(stages: Mapping[str, Templates]) -> str:
    """stages: a name for each, and its templates; the foundation is among them."""
    reasons = sorted({each for templates in stages.values() for each in templates.acknowledged})
    return PAGE.format(table=_table(stages), reasons=_reasons(reasons))


def _table(stages: Mapping[str, Templates]) -> str:
    counts = {
        stage: Counter(_part(place.stack) for place, _ in templates.resources())
        for stage, templates in stages.items()
    }
    parts = list(dict.fromkeys(part for each in counts.values() for part in each))
    rows = [[part, *(str(counts[stage][part] or "") for stage in stages)] for part in parts]
    rows += [
        ["**together**", *(f"**{each.total()}**" for each in counts.values())],
        ["findings of cdk-nag", *(str(each.findings) for each in stages.values())],
        ["acknowledged, with a reason", *(str(len(each.acknowledged)) for each in stages.values())],
    ]
    head = ["stack", *stages]
    lines = [head, ["---", *("---:" for _ in stages)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _reasons(acknowledged: Sequence[Acknowledged]) -> str:
    """Rule by rule, each reason once with where it holds."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for rule, where, reason in acknowledged:
        stack, _, path = where.partition("/")
        places[rule.partition("[")[0]][reason].add(f"{_part(stack)}/{path}")
    lines = []
    for rule, reasons in sorted(places.items()):
        lines += [f"**{rule}**", ""]
        for reason, constructs in sorted(reasons.items()):
            shown = ", ".join(f"`{each}`" for each in sorted(constructs))
            lines.append(f"- {shown}: {reason}")
        lines.append("")
    return "\n".join(lines)


def _part(stack: str) -> str:
    return stack.rpartition("-")[2]
