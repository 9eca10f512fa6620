"""A flow chart in Mermaid's words, which GitHub draws: a group for each stack."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scripts.drawing.arrow import IMAGE, Arrow
from scripts.drawing.arrows import arrows
from scripts.drawing.labels import ALARM, LABELS, is_drawn
from scripts.drawing.templates import Place, Templates

# Who stands outside, and at what.
ACTORS = {"AWS::ApiGatewayV2::Api": "callers", "AWS::IAM::OIDCProvider": "jobs of GitHub"}
HEARD_BY = {"AWS::SNS::Topic": "people"}


class Box(NamedTuple):
    """What is drawn of a resource, or of several that do the same."""

    stack: str
    id: str
    label: str


def draw(templates: Templates) -> str:
    """The picture, as Mermaid's text."""
    found = list(arrows(templates))
    boxes = _boxes(templates, found)
    lines = ["flowchart LR"]
    # What all others point to comes last.
    for stack in sorted(templates.of, key=lambda name: name.endswith("foundation")):
        lines.append(f"  subgraph {_id(stack)}[{stack}]")
        inside = {each.id: each.label for each in boxes.values() if each.stack == stack}
        lines += [f'    {name}["{label}"]' for name, label in inside.items()]
        lines.append("  end")
    for place, resource in templates.resources():
        if actor := ACTORS.get(resource["Type"]):
            lines.append(f"  {_id(actor)}([{actor}]) --> {boxes[place].id}")
        if actor := HEARD_BY.get(resource["Type"]):
            lines.append(f"  {boxes[place].id} --> {_id(actor)}([{actor}])")
    return "\n".join([*lines, *_lines(found, boxes)]) + "\n"


def _boxes(templates: Templates, found: Sequence[Arrow]) -> Mapping[Place, Box]:
    """A box for each resource that is drawn. Alarms of a stack that do the same share one."""
    boxes = {}
    alike: dict[tuple[str, frozenset[Place]], list[Place]] = defaultdict(list)
    for place, resource in templates.resources():
        if resource["Type"] == ALARM:
            told = frozenset(each.end for each in found if each.start == place)
            alike[place.stack, told].append(place)
        elif is_drawn(templates, place, resource):
            label = LABELS[resource["Type"]](resource["Properties"])
            boxes[place] = Box(place.stack, _id(place.stack, place.name), label)
    for (stack, _), alarms in alike.items():
        names = [_name(templates, each) for each in alarms]
        rows = [", ".join(names[at : at + 2]) for at in range(0, len(names), 2)]
        label = "<br/>".join([f"{len(alarms)} alarms:" if len(alarms) > 1 else "alarm", *rows])
        boxes |= {each: Box(stack, _id(stack, alarms[0].name), label) for each in alarms}
    return boxes


def _name(templates: Templates, alarm: Place) -> str:
    """Of an alarm, without its stage."""
    name: str = templates.at(alarm)["Properties"].get("AlarmName", "callers turned away")
    prefix = alarm.stack.rpartition("-")[0]
    return name.removeprefix(f"{prefix}-")


def _lines(found: Sequence[Arrow], boxes: Mapping[Place, Box]) -> list[str]:
    """An arrow between two boxes, once, with all that is said of it."""
    said: dict[tuple[str, str], list[str]] = {}
    for start, end, says in found:
        if start in boxes and end in boxes:
            words = said.setdefault((boxes[start].id, boxes[end].id), [])
            if says and says not in words:
                words.append(says)
    return [f"  {start} {_arrow(words)} {end}" for (start, end), words in said.items()]


def _arrow(words: Sequence[str]) -> str:
    """Dotted where one is only taken from the other."""
    if words == [IMAGE]:
        return f"-. {IMAGE} .->"
    return f'-- "{", ".join(words)}" -->' if words else "-->"


def _id(*parts: str) -> str:
    """A name that Mermaid takes, without the digits that the CDK ends logical ids with."""
    return re.sub(r"\W", "_", "_".join(re.sub(r"[0-9A-F]{8}$", "", part) for part in parts))
