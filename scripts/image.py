"""Check the models that an image will carry, and print the arguments that its build takes.

docker build $(python -m scripts.image build/image/models) -f Dockerfile.lambda .
"""

import argparse
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from function.core.artifact import Artifact, open_artifact, verify
from scripts.common.command_line import run
from scripts.common.errors import CommandError, UsageError

# As git writes it for short: git@host:owner/name.git
SSH_REMOTE = re.compile(r"^[\w.-]+@(?P<host>[\w.-]+):(?P<path>[^/].*)$")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.image",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", type=Path, help="a folder that scripts.pull wrote")
    parser.add_argument(
        "--expect",
        default="",
        metavar="MODEL[=VERSION],...",
        help="fail unless these are there, and no others; empty takes all that is there",
    )
    arguments = parser.parse_args()
    artifacts = read_models(arguments.models)
    versions = ",".join(f"{artifact.manifest.model}={artifact.version}" for artifact in artifacts)
    if arguments.expect and not _as_expected(artifacts, arguments.expect.split(",")):
        raise CommandError(
            f"{arguments.models} holds {versions}, the image is to hold {arguments.expect}; "
            "empty the folder and pull again"
        )
    for argument in build_arguments(arguments.models, artifacts, versions):
        print(argument)


def read_models(folder: Path) -> list[Artifact]:
    """Every model of a folder, verified, by name. Raises ArtifactError, UsageError."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; write it with scripts.pull")
    artifacts = [open_artifact(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    if not artifacts:
        raise UsageError(f"no model in {folder}; write them with scripts.pull")
    for artifact in artifacts:
        verify(artifact)
    return artifacts


def _as_expected(artifacts: Sequence[Artifact], expected: Sequence[str]) -> bool:
    """expected: each a model, in whatever version or in one."""
    names = {each.manifest.model for each in artifacts}
    found = names | {f"{each.manifest.model}={each.version}" for each in artifacts}
    return set(expected) <= found and names == {each.partition("=")[0] for each in expected}


def build_arguments(folder: Path, artifacts: Sequence[Artifact], versions: str) -> Iterator[str]:
    """For `docker build` and `podman build`, no spaces in any: where the models lie, which the
    build has to find there, and labels that tell models, digests and commit."""
    digests = ",".join(f"{each.manifest.model}=sha256:{each.digest}" for each in artifacts)
    yield f"--build-context=models={folder}"
    yield f"--build-arg=MODELS={versions}"
    yield f"--label=evergreen.models={versions}"
    yield f"--label=evergreen.model-digests={digests}"
    if commit := _git("rev-parse", "HEAD"):
        changed = "-dirty" if _git("status", "--porcelain", "--untracked-files=no") else ""
        yield f"--label=org.opencontainers.image.revision={commit}{changed}"
    if source := public_address(_git("remote", "get-url", "origin")):
        yield f"--label=org.opencontainers.image.source={source}"


def _git(*arguments: str) -> str:
    """What git says, nothing where there is no repository or no git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def public_address(remote: str) -> str:
    """A remote's web address without the user and token that it may hold; empty for a folder."""
    if short := SSH_REMOTE.match(remote):
        remote = f"https://{short['host']}/{short['path']}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https", "ssh") or not parts.hostname:
        return ""
    scheme, port = ("https", None) if parts.scheme == "ssh" else (parts.scheme, parts.port)
    host = f"{parts.hostname}:{port}" if port else parts.hostname
    return f"{scheme}://{host}{parts.path.removesuffix('.git')}"


if __name__ == "__main__":
    run(main)
