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
OFFLINE = {"AWS_EC2_METADATA_DISABLED": "true"}


def run_cdk(
    arguments: Sequence[str], *, context: Mapping[str, str] | None = None, folder: Path = Path()
) -> None:
    """Run a command of the CDK in a checkout; its output goes to stderr. Raises CommandError.

    `synth` needs neither credentials nor network.
    """
    if not EXECUTABLE.exists() or find_spec("aws_cdk") is None:
        raise MissingExtraError(
            "the CDK is not installed: run 'make synth', which installs it, then this again"
        )
    given = [f"--context={key}={value}" for key, value in (context or {}).items() if value]
    done = subprocess.run(
        [str(EXECUTABLE.absolute()), *arguments, f"--app={sys.executable} -m infra.app", *given],
        cwd=folder,
        env={**os.environ, **QUIET, **(OFFLINE if arguments[0] == "synth" else {})},
        stdout=sys.stderr.fileno(),
        check=False,
    )
    if done.returncode:
        raise CommandError(f"cdk {arguments[0]} failed; its output above says why")


def synthesise(
    stage: str | None, context: Mapping[str, str] | None = None, *, folder: Path = Path()
) -> dict[str, dict[str, Any]]:
    """Return the templates of a checkout by stack, of one stage or of all. Raises CommandError."""
    given = {**(context or {}), "stage": stage or ""}
    run_cdk(["synth", "--quiet"], context=given, folder=folder)
    assembly = folder / ASSEMBLY
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    return {
        artifact.get("properties", {}).get("stackName", name): json.loads(
            (assembly / artifact["properties"]["templateFile"]).read_text()
        )
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
