"""Docker's command line over podman, as a program that commands start.

It leaves out options of BuildKit, replaces AWS's base image, which brings the emulator, and pushes
to a registry on loopback instead of ECR; moto's ECR gets the digests. Nothing else is different.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rehearsal.image_registry import ImageRegistry
from tests.stand_ins.docker import put_image, split_reference

VARIABLE = "REHEARSAL_DOCKER"
BUILDKIT = ("--provenance=false", "--sbom=false", "--load")
EMULATOR = "/usr/local/bin/aws-lambda-rie"
SCRIPT = """#!/bin/sh
exec "{python}" -m tests.rehearsal.docker "$@"
"""


@dataclass(frozen=True)
class Replacements:
    """Replacements of what surrounds Docker.

    base: the image to build on. build_options: further options of `podman build`. emulator: its
    file on this machine. registry: host and port of the registry that replaces ECR's.
    """

    base: str
    build_options: list[str]
    emulator: str
    registry: str

    def install(self, folder: Path) -> dict[str, str]:
        """Write a program `docker` to a new folder; return the variables that it needs."""
        folder.mkdir()
        program = folder / "docker"
        program.write_text(SCRIPT.format(python=sys.executable))
        program.chmod(0o755)
        return {
            VARIABLE: json.dumps(asdict(self)),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        }


def podman_arguments(arguments: Sequence[str], replaced: Replacements) -> list[str]:
    """Return podman's arguments for the same as Docker's."""
    command, *rest = arguments
    if command == "buildx":
        kept = [each for each in rest[1:] if each not in BUILDKIT]
        base = f"--build-arg=BASE_IMAGE={replaced.base}"
        return ["build", "--format=docker", *replaced.build_options, base, *kept]
    if command == "run":
        return ["run", f"--volume={replaced.emulator}:{EMULATOR}:ro", *rest]
    if command == "rm":
        return ["rm", "--time=0", *rest]
    return list(arguments)


def main() -> int:
    """Run the command; return the exit code."""
    replaced = Replacements(**json.loads(os.environ[VARIABLE]))
    command, *rest = sys.argv[1:]
    if command == "version" or (command == "buildx" and rest[0] != "build"):
        print("podman, with what the doctor asks for")
        return 0
    if command == "login":
        print("the registry on loopback asks for no password", file=sys.stderr)
        return 0
    if command == "push":
        return _push(rest[-1], replaced)
    return subprocess.run(
        ["podman", *podman_arguments(sys.argv[1:], replaced)], check=False
    ).returncode


def _push(reference: str, replaced: Replacements) -> int:
    """Push to the registry on loopback, and register the image with moto's ECR."""
    repository, tag = split_reference(reference)
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "digest"
        target = f"docker://{replaced.registry}/{repository}:{tag}"
        options = ["--quiet", "--tls-verify=false", f"--digestfile={file}"]
        done = subprocess.run(["podman", "push", *options, reference, target], check=False)
        if done.returncode:
            return done.returncode
        pushed = file.read_text().strip()
    digest, manifest, media_type = ImageRegistry(replaced.registry).manifest(repository, tag)
    if digest != pushed:
        print(f"pushed {pushed}, and {digest} is there", file=sys.stderr)
        return 1
    import boto3  # a second, which the other commands need not wait

    put_image(boto3.client("ecr"), reference, manifest, media_type, imageDigest=digest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
