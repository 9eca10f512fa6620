"""Docker's command line over podman, as far as commands use it.

Replaced are: what BuildKit alone understands; AWS's base image, which brings the emulator; and ECR,
by a registry on loopback whose digests are told to moto. Nothing else is different.
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

VARIABLE = "REHEARSAL_DOCKER"
BUILDKIT = ("--provenance=false", "--sbom=false", "--load")
EMULATOR = "/usr/local/bin/aws-lambda-rie"
SCRIPT = """#!/bin/sh
exec "{python}" -m tests.rehearsal.docker "$@"
"""


@dataclass(frozen=True)
class Replaced:
    """base: the image to build on. build_options: further ones of `podman build`. emulator: the
    program, on this machine. registry: host and port, in the place of ECR's."""

    base: str
    build_options: list[str]
    emulator: str
    registry: str

    def install(self, folder: Path) -> dict[str, str]:
        """Write a program `docker` to a new folder; the variables that it needs."""
        folder.mkdir()
        program = folder / "docker"
        program.write_text(SCRIPT.format(python=sys.executable))
        program.chmod(0o755)
        return {
            VARIABLE: json.dumps(asdict(self)),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        }


def translated(arguments: Sequence[str], replaced: Replaced) -> list[str]:
    """What podman is asked in the place of Docker."""
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
    """The exit code."""
    replaced = Replaced(**json.loads(os.environ[VARIABLE]))
    command, *rest = sys.argv[1:]
    if command == "login":
        print("the registry on loopback asks for no password", file=sys.stderr)
        return 0
    if command == "push":
        return _push(rest[-1], replaced)
    return subprocess.run(["podman", *translated(sys.argv[1:], replaced)], check=False).returncode


def _push(reference: str, replaced: Replaced) -> int:
    """Push to the registry on loopback, and tell moto's ECR what arrived."""
    repository, _, tag = reference.partition("/")[2].rpartition(":")
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "digest"
        target = f"docker://{replaced.registry}/{repository}:{tag}"
        options = ["--quiet", "--tls-verify=false", f"--digestfile={file}"]
        done = subprocess.run(["podman", "push", *options, reference, target], check=False)
        if done.returncode:
            return done.returncode
        pushed = file.read_text().strip()
    digest, content, kind = ImageRegistry(replaced.registry).manifest(repository, tag)
    if digest != pushed:
        print(f"pushed {pushed}, and {digest} is there", file=sys.stderr)
        return 1
    import boto3

    boto3.client("ecr").put_image(
        repositoryName=repository,
        imageTag=tag,
        imageManifest=content,
        imageManifestMediaType=kind,
        imageDigest=digest,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
