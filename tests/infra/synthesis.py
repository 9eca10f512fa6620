"""The CDK app in tests: built as `make synth` builds it, and read as CloudFormation would."""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Debian's Node is older than the CDK likes; it works.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

import aws_cdk as cdk

from infra.app import build
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import SandboxConfiguration
from infra.configuration.stage import StageConfiguration

REPOSITORY = Path(__file__).parent.parent.parent
DIGEST = "sha256:" + "ab" * 32
CONTEXT = json.loads((REPOSITORY / "cdk.json").read_text())["context"]

Template = dict[str, Any]
Resource = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """Result of a synthesis; `violations` are findings of validation, as `rule at construct`."""

    folder: Path
    templates: dict[str, Template]
    violations: list[str]

    def resources(self, stack: str, kind: str) -> dict[str, Resource]:
        """Resources of a type in a stack, by their logical id."""
        found = self.templates[stack].get("Resources", {})
        return {name: each for name, each in found.items() if each["Type"] == kind}

    def only(self, stack: str, kind: str) -> Resource:
        """The one resource of a type in a stack."""
        (found,) = self.resources(stack, kind).values()
        return found

    def all(self, kind: str = "") -> Iterator[tuple[str, str, Resource]]:
        """Stack, logical id and resource, of every stack; of one type where one is named."""
        for stack, template in self.templates.items():
            for name, resource in template.get("Resources", {}).items():
                if kind in ("", resource["Type"]):
                    yield stack, name, resource


def synthesise(
    project: ProjectConfiguration,
    stages: Sequence[StageConfiguration],
    *,
    sandbox: SandboxConfiguration | None = None,
    also: Callable[[cdk.App], object] = lambda app: None,
    **context: str,
) -> Assembly:
    """Build the app and return its templates, even if the validation failed.

    Args:
        project: The project.
        stages: Its stages.
        sandbox: The sandbox, one of whose stages the context may name.
        also: Function that adds to the app before the synthesis.
        context: CDK context.
    """
    folder = Path(tempfile.mkdtemp(prefix="cdk-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    app = cdk.App(outdir=str(folder), context={**CONTEXT, **context})
    build(app, project, stages, sandbox)
    also(app)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    suffix = ".template.json"
    templates = {
        path.name.removesuffix(suffix): json.loads(path.read_text())
        for path in sorted(folder.glob(f"*{suffix}"))
    }
    return Assembly(folder, templates, list(_violations(folder)))


def _violations(folder: Path) -> Iterator[str]:
    report = json.loads((folder / "validation-report.json").read_text())
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                yield f"{violation['ruleName']} at {construct['constructPath']}"
