"""Walk through the nightly checks on this machine, with no AWS: `make rehearse-nightly`.

Commands, make's targets, clients, models, images and the function are real; what replaces AWS is
that of `make rehearse`. The alarm of the failing canary is rung by its stand-in.
"""

from __future__ import annotations

import platform
import sys
from contextlib import ExitStack, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import cast

from scripts.common.command_line import command_parser, needing, run

with needing("make rehearse-nightly"):
    from infra.configuration.function import Architecture
    from infra.configuration.sandbox import NIGHTLY, SandboxConfiguration
    from infra.stages import PROJECT
    from scripts.emulate.binary import ARCHITECTURES
    from tests.nightly.__main__ import finish
    from tests.nightly.night import Night
    from tests.rehearsal.environment import Environment
    from tests.rehearsal.provision import provision, require_programs
    from tests.stand_ins.cdk import ACCOUNT, REGION

OTHER_ACCOUNT = "210987654321"
STAGES = '''"""A sandbox that is this machine, of its architecture."""

from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.sandbox import SandboxConfiguration
from infra.configuration.stage import StageConfiguration

PROJECT = ProjectConfiguration(
    name="evergreen",
    repository=GitHubRepository(owner="rehearsal", name="evergreen", owner_id=1, repository_id=2),
)
PROD = StageConfiguration(
    name="prod", account="{other}", region="{region}", environments=("prod",)
)
STAGES = (PROD,)
SANDBOX = SandboxConfiguration(
    account="{account}", region="{region}", architecture="{architecture}"
)
'''
PYTHON = """#!/bin/sh
exec "{python}" "$@"
"""


def main() -> None:
    parser = command_parser("tests.nightly.rehearsal", __doc__)
    parser.parse_args()
    require_programs()
    architecture = cast("Architecture", ARCHITECTURES[platform.machine().lower()])
    with ExitStack() as stack:
        environment = stack.enter_context(provision(NIGHTLY[0]))
        stack.enter_context(redirect_stderr(StringIO()))  # logs of what stands in
        night = prepare(environment, architecture)
        finish(night, night.folder)


def prepare(environment: Environment, architecture: Architecture) -> Night:
    """Return a night in a rehearsal's environment."""
    checkout, callers = environment.checkout, environment.callers
    text = STAGES.format(
        account=ACCOUNT, other=OTHER_ACCOUNT, region=REGION, architecture=architecture
    )
    (checkout.path / "infra" / "stages.py").write_text(text)
    checkout.commit("first")
    sandbox = SandboxConfiguration(account=ACCOUNT, region=REGION, architecture=architecture)
    environment.cdk.run(["bootstrap", f"aws://{ACCOUNT}/{REGION}"])
    folder = environment.folder / "night"
    folder.mkdir()

    def take_key(key: str) -> None:
        callers.key = key

    return Night(
        sandbox.project(PROJECT, NIGHTLY[0]),
        sandbox.stage(NIGHTLY[0]),
        checkout.path,
        folder,
        {**environment.variables, **_installed(environment)},
        environment.client,
        called=False,  # the stand-in of CodeDeploy has its own
        on_key=take_key,
    )


def _installed(environment: Environment) -> dict[str, str]:
    """Return variables by which make finds everything installed: this Python, and the CDK."""
    venv = environment.folder / "venv"
    python = venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    stamps = [venv / name for name in (".server", ".infra", ".test")]
    for stamp in (*stamps, environment.checkout.path / "build" / "node" / ".ready"):
        stamp.parent.mkdir(parents=True, exist_ok=True)
        Path(stamp).touch()
    # This machine's Node may be older than the doctor likes.
    return {"MAKEFLAGS": f"VENV={venv}", "ANYWAY": "1"}


if __name__ == "__main__":
    run(main)
