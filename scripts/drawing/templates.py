"""Templates of the CDK app, and what refers to what in them."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError

REPOSITORY = Path(__file__).parent.parent.parent
ACKNOWLEDGED, RULE = "aws:cdk:acknowledged-rules", "::AwsSolutions-"
Template = Mapping[str, Any]


class Place(NamedTuple):
    """A resource: its stack, and its logical id there."""

    stack: str
    name: str


class Acknowledged(NamedTuple):
    """A finding of cdk-nag that stays. where: path of the construct, its stack first."""

    rule: str
    where: str
    reason: str


@dataclass(frozen=True)
class Templates:
    """Templates by stack. findings: of cdk-nag, but for those that were acknowledged."""

    of: Mapping[str, Template]
    findings: int = 0
    acknowledged: Sequence[Acknowledged] = ()

    def resources(self) -> Iterator[tuple[Place, Template]]:
        """All of them, stack by stack."""
        for stack, template in self.of.items():
            for name, resource in template["Resources"].items():
                yield Place(stack, name), resource

    def at(self, place: Place) -> Template:
        """A resource."""
        found: Template = self.of[place.stack]["Resources"][place.name]
        return found

    def referred(self, stack: str, value: Any) -> list[Place]:
        """Resources that a value of a stack's template refers to, also those of other stacks."""
        match value:
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
                return [Place(stack, name)] * (name in self.of[stack]["Resources"])
            case {"Fn::ImportValue": str(name)}:
                return self._exported(name)
            case dict():
                return [place for each in value.values() for place in self.referred(stack, each)]
            case list():
                return [place for each in value for place in self.referred(stack, each)]
        return []

    def _exported(self, name: str) -> list[Place]:
        for stack, template in self.of.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.referred(stack, output["Value"])
        raise CommandError(f"no stack exports {name}")


def synthesise(
    project: ProjectConfiguration, stages: Sequence[StageConfiguration], chosen: str
) -> Templates:
    """What the app makes of one of the stages, without credentials or network. chosen: its name.

    Raises CommandError where cdk-nag finds what nobody has acknowledged.
    """
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
    import aws_cdk as cdk

    from infra.app import build

    context = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    with tempfile.TemporaryDirectory() as folder:
        app = cdk.App(outdir=folder, context={**context, "stage": chosen})
        build(app, project, stages)
        try:
            app.synth()
        except RuntimeError as error:
            raise CommandError(f"the CDK app cannot be synthesised: {error}") from error
        return _read(Path(folder))


def _read(assembly: Path) -> Templates:
    templates: dict[str, Template] = {}
    acknowledged: set[Acknowledged] = set()
    for name, artifact in _json(assembly / "manifest.json")["artifacts"].items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        stack = artifact["properties"].get("stackName", name)
        templates[stack] = _json(assembly / artifact["properties"]["templateFile"])
        for path, entries in _json(assembly / artifact["additionalMetadataFile"]).items():
            acknowledged |= {
                Acknowledged(rule.partition("::")[2], path.removeprefix("/"), reason)
                for entry in entries
                if entry["type"] == ACKNOWLEDGED
                for rule, reason in entry["data"].items()
                if RULE in rule  # the CDK itself acknowledges others
            }
    reports = _json(assembly / "validation-report.json")["pluginReports"]
    findings = sum(len(each["violations"]) for each in reports)
    return Templates(templates, findings, sorted(acknowledged))


def _json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
