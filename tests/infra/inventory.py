"""Inventory of the stacks: each resource with its name, removal policies and IAM statements.

A text file per stack, in which a change of a logical id, of a permission or of what survives a
deletion is a line of the diff. `make inventory` rewrites the files after a change that is meant.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.stages import PROJECT, STAGES
from tests.infra.policies import documents, many, written
from tests.infra.scaled import SCALED
from tests.infra.synthesis import DIGEST, Assembly, Resource, Template, synthesise

FOLDER = Path(__file__).parent / "inventory"
# Stacks that no stage in infra/stages.py has: a service on GPUs.
OPTIONAL = ("heavy-service",)
REMOVAL = ("DeletionPolicy", "UpdateReplacePolicy")
WORDS = {
    "Action": "",
    "NotAction": "all but ",
    "Principal": "to ",
    "NotPrincipal": "to all but ",
}
# A version's id has a hash of the function's settings. ARNs are shorter without what all share.
SHORTER = (
    (r"(CurrentVersion\w{8})[0-9a-f]{32}", r"\1"),
    (r"arn:<AWS::Partition>:", ""),
    (r"<AWS::(AccountId|URLSuffix)>", r"<\1>"),
)


def inventories(scaled: Assembly) -> dict[str, str]:
    """Return the inventory of each stack by its name: of all that ship, and of OPTIONAL."""
    shipped = synthesise(PROJECT, STAGES, function_image=DIGEST, server_image=DIGEST)
    optional = {name: each for name, each in scaled.templates.items() if name.endswith(OPTIONAL)}
    return {name: inventory(each) for name, each in (shipped.templates | optional).items()}


def inventory(template: Template) -> str:
    """Return the inventory of a stack."""
    lines = [
        line
        for name, resource in sorted(template["Resources"].items())
        for line in (_headline(name, resource), *(f"    {each}" for each in _details(resource)))
    ]
    for name, output in sorted(template.get("Outputs", {}).items()):
        exported = output.get("Export", {}).get("Name", "").rpartition(":")[2]
        lines.append(f"output {name}{f'  exported as {exported}' if exported else ''}")
    text = "\n".join(lines) + "\n"
    for pattern, shorter in SHORTER:
        text = re.sub(pattern, shorter, text)
    return text


def _headline(id_: str, resource: Resource) -> str:
    """Return logical id, type, name, and the removal policies other than Delete."""
    kind = resource["Type"].removeprefix("AWS::")
    names = [
        written(value)
        for key, value in resource.get("Properties", {}).items()
        if key in ("Family", "RouteKey") or (key.endswith("Name") and kind.endswith(key[:-4]))
    ]
    removal = [
        f"{each}={resource[each]}" for each in REMOVAL if resource.get(each, "Delete") != "Delete"
    ]
    return "  ".join([id_, kind, *(f"'{each}'" for each in names if each != id_), *removal])


def _details(resource: Resource) -> Iterator[str]:
    """Yield lines on the update policy, and on permissions that the resource has or gives."""
    for policy, settings in resource.get("UpdatePolicy", {}).items():
        yield f"on update {policy} {_assignments(settings)}"
    properties = resource.get("Properties", {})
    for each in properties.get("ManagedPolicyArns", []):
        yield f"has {written(each)}"
    if resource["Type"].startswith("AWS::IAM::") and "Roles" in properties:
        yield f"of {', '.join(map(written, properties['Roles']))}"
    if resource["Type"] == "AWS::Lambda::Permission":
        limits = {key: value for key, value in properties.items() if key.startswith("Source")}
        yield f"Allow {properties['Action']} to {properties['Principal']}"
        yield f"    on {written(properties['FunctionName'])}"
        yield f"    if {_assignments(limits)}"
    for _, document in documents(resource):
        for statement in document["Statement"]:
            yield from _statement(statement)


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield a statement of a policy: effect, actions and principal, then resources, conditions."""
    head = [statement["Effect"]]
    for key, words in WORDS.items():
        if key in statement:
            value = statement[key]
            groups = value.values() if isinstance(value, dict) else [value]  # Service, AWS, ...
            values = sorted(written(each) for group in groups for each in many(group))
            head.append(words + ", ".join(values))
    yield " ".join(head)
    for key in ("Resource", "NotResource"):
        for each in sorted(map(written, many(statement.get(key, [])))):
            yield f"    on {'all but ' * (key == 'NotResource')}{each}"
    for operator, values in statement.get("Condition", {}).items():
        for key, value in values.items():
            yield f"    if {operator} {_assignments({key: value})}"


def _assignments(values: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        return str(value) if isinstance(value, int | float) else written(value)

    return ", ".join(
        f"{key}={' or '.join(map(text, many(value)))}" for key, value in values.items()
    )


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return a unified diff of inventories, line by line; a stack may be missing in either."""
    return [
        line
        for name in sorted({*then, *now})
        for line in difflib.unified_diff(
            then.get(name, "").splitlines(),
            now.get(name, "").splitlines(),
            f"{name}.txt",
            f"{name}, as synthesised",
            n=1,
            lineterm="",
        )
    ]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    scaled = synthesise(PROJECT, SCALED, function_image=DIGEST, server_image=DIGEST)
    for name, text in inventories(scaled).items():
        (FOLDER / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
