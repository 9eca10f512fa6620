"""The CDK's command line, as the Makefile installed it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError, MissingExtraError

EXECUTABLE = Path("build/node/node_modules/.bin/cdk")
ASSEMBLY = Path("cdk.out")
QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true"}


def run_cdk(
    arguments: Sequence[str],
    *,
    context: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command of the CDK; its output goes to stderr. Raises CommandError."""
    if not EXECUTABLE.exists() or find_spec("aws_cdk") is None:
        raise MissingExtraError(
            "the CDK is not installed: run 'make synth', which installs it, then this again"
        )
    given = [f"--context={key}={value}" for key, value in (context or {}).items() if value]
    done = subprocess.run(
        [str(EXECUTABLE), *arguments, f"--app={sys.executable} -m infra.app", *given],
        env={**os.environ, **QUIET, **(environment or {})},
        stdout=sys.stderr.fileno(),
        check=False,
    )
    if done.returncode:
        raise CommandError(f"cdk {arguments[0]} failed; its output above says why")


def synthesise(
    stage: str | None, context: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Return templates by stack, of one stage or of all. Needs neither credentials nor network."""
    offline = {"AWS_EC2_METADATA_DISABLED": "true"}
    given = {**(context or {}), "stage": stage or ""}
    run_cdk(["synth", "--quiet"], context=given, environment=offline)
    return read_templates(ASSEMBLY)


def read_templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """Return the templates of a folder that `cdk synth` wrote, by stack."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    return {
        artifact.get("properties", {}).get("stackName", name): json.loads(
            (assembly / artifact["properties"]["templateFile"]).read_text()
        )
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
