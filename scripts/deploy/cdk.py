"""The CDK's command line, as the Makefile installed it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.errors import CommandError, MissingExtraError

EXECUTABLE = Path("build/node/node_modules/.bin/cdk")
ASSEMBLY = Path("cdk.out")
QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true"}
OFFLINE = {"AWS_EC2_METADATA_DISABLED": "true"}


class CdkApp(NamedTuple):
    """The CDK app of a checkout, and the Python that has its packages."""

    folder: Path
    python: str = sys.executable


HERE = CdkApp(Path())


def run_cdk(
    arguments: Sequence[str], *, context: Mapping[str, str] | None = None, app: CdkApp = HERE
) -> None:
    """Run a command of the CDK on an app; its output goes to stderr. Raises CommandError.

    `synth` needs neither credentials nor network.
    """
    if not EXECUTABLE.exists() or find_spec("aws_cdk") is None:
        raise MissingExtraError(
            "the CDK is not installed: run 'make synth', which installs it, then this again"
        )
    given = [f"--context={key}={value}" for key, value in (context or {}).items() if value]
    done = subprocess.run(
        [str(EXECUTABLE.absolute()), *arguments, f"--app={app.python} -m infra.app", *given],
        cwd=app.folder,
        env={**os.environ, **QUIET, **(OFFLINE if arguments[0] == "synth" else {})},
        stdout=sys.stderr.fileno(),
        check=False,
    )
    if done.returncode:
        raise CommandError(f"cdk {arguments[0]} failed; its output above says why")


def synthesise(
    stage: str | None, context: Mapping[str, str] | None = None, *, app: CdkApp = HERE
) -> dict[str, dict[str, Any]]:
    """Return the templates of an app by stack, of one stage or of all. Raises CommandError."""
    given = {**(context or {}), "stage": stage or ""}
    run_cdk(["synth", "--quiet"], context=given, app=app)
    assembly = app.folder / ASSEMBLY
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    return {
        artifact.get("properties", {}).get("stackName", name): json.loads(
            (assembly / artifact["properties"]["templateFile"]).read_text()
        )
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
