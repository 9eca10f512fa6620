"""Checks of this machine: Docker with buildx, Node, and the CDK's command line."""

import json
import platform
import subprocess
from pathlib import Path

from infra.configuration.stage import StageConfiguration
from scripts.deploy.cdk import EXECUTABLE
from scripts.doctor.check import CheckResults, bad, ok

NODE_TOOLS = Path("package.json")
OLDEST_NODE = 22  # older ones are no longer maintained
MACHINES = {
    "x86_64": "linux/amd64",
    "AMD64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}


def tools() -> CheckResults:
    """Check the versions of Docker, buildx, Node and the CDK."""
    for name, command, fix in (
        ("docker", ["docker", "version", "--format={{.Server.Version}}"], "install and start it"),
        ("docker buildx", ["docker", "buildx", "version"], "install docker-buildx"),
    ):
        found = _output(command)
        yield (ok(f"{name}: {found}") if found else bad(f"{name}: none", fix))
    node = _output(["node", "--version"])
    if not node or int(node.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        yield bad(f"node: {node or 'none'}", f"install Node {OLDEST_NODE} or newer")
    else:
        yield ok(f"node: {node}")
    cdk = _output([str(EXECUTABLE), "--version"])
    wanted = wanted_cdk()
    if cdk.split(" ")[0] == wanted:
        yield ok(f"cdk: {cdk}")
    else:
        yield bad(f"cdk: {cdk or 'none'}, wanted {wanted}", "make build/node/.ready")


def wanted_cdk() -> str:
    """Return the version that `make` installs, which fits the pinned aws-cdk-lib."""
    return str(json.loads(NODE_TOOLS.read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"])


def architecture(stage: StageConfiguration) -> CheckResults:
    """Check that images for the stage can be built here."""
    wanted = {stage.function.platform, *([stage.service.platform] if stage.service else [])}
    here = MACHINES.get(platform.machine(), platform.machine())
    builder = _output(["docker", "buildx", "inspect"])
    for each in sorted(wanted):
        if each == here or each in builder:
            yield ok(f"{stage.name}: images for {each} can be built here")
        else:
            yield bad(
                f"{stage.name}: images for {each} cannot be built on {here}",
                "install QEMU's binfmt for Docker (Debian: qemu-user-static), build in the "
                "workflow, or choose the other function.architecture",
            )


def _output(command: list[str]) -> str:
    """Return a command's output; empty where it is not installed or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
