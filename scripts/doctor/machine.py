"""What a deployment needs on this machine: Docker with buildx, and the CDK's command line."""

import json
import platform
import subprocess
from pathlib import Path

from infra.configuration.stage import StageConfiguration
from scripts.deploy.cdk import EXECUTABLE
from scripts.doctor.check import Finding, Findings

NODE_TOOLS = Path("package.json")
OLDEST_NODE = 20
MACHINES = {
    "x86_64": "linux/amd64",
    "AMD64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}


def tools() -> Findings:
    """Docker, buildx, Node and the CDK, by the versions that they tell."""
    for name, command, mend in (
        ("docker", ["docker", "version", "--format={{.Server.Version}}"], "install and start it"),
        ("docker buildx", ["docker", "buildx", "version"], "install docker-buildx"),
    ):
        said = _said(command)
        yield Finding("ok", f"{name}: {said}") if said else Finding("bad", f"{name}: none", mend)
    node = _said(["node", "--version"])
    if not node or int(node.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        yield Finding("bad", f"node: {node or 'none'}", f"install Node {OLDEST_NODE} or newer")
    else:
        yield Finding("ok", f"node: {node}")
    cdk = _said([str(EXECUTABLE), "--version"])
    wanted = wanted_cdk()
    if cdk.split(" ")[0] == wanted:
        yield Finding("ok", f"cdk: {cdk}")
    else:
        yield Finding("bad", f"cdk: {cdk or 'none'}, wanted {wanted}", "make build/node/.ready")


def wanted_cdk() -> str:
    """The version that `make` installs, which goes with the pinned aws-cdk-lib."""
    return str(json.loads(NODE_TOOLS.read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"])


def architecture(stage: StageConfiguration) -> Findings:
    """Whether images for the stage can be built here."""
    wanted = {stage.function.platform, *([stage.service.platform] if stage.service else [])}
    here = MACHINES.get(platform.machine(), platform.machine())
    builder = _said(["docker", "buildx", "inspect"])
    for each in sorted(wanted):
        if each == here or each in builder:
            yield Finding("ok", f"{stage.name}: images for {each} can be built here")
        else:
            yield Finding(
                "bad",
                f"{stage.name}: images for {each} cannot be built on {here}",
                "install QEMU's binfmt for Docker (Debian: qemu-user-static), build in the "
                "workflow, or choose the other function.architecture",
            )


def _said(command: list[str]) -> str:
    """What a command prints, nothing where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
