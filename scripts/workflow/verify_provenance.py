"""Verify that a stage's images were built by this repository's workflow, before they are deployed.

An image's digest, and with it the attestation at GitHub, are of its manifest: GitHub's command line
verifies that file and needs no access to ECR. GH_TOKEN lets it ask GitHub.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.common.command_line import needing, run, stage_parser
from scripts.common.errors import CommandError

with needing("make synth"):
    from infra.configuration.project import GitHubRepository
    from scripts.deploy.account import CONFIG, Account, aws_errors, open_account
    from scripts.deploy.stacks import load_stage

SIGNER = ".github/workflows/build-image.yml"
MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


def main() -> None:
    parser = stage_parser("scripts.workflow.verify_provenance", __doc__)
    parser.add_argument("--function-image", required=True, metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    account = open_account(stage)
    images = {
        project.function_repository: arguments.function_image,
        project.server_repository: arguments.server_image,
    }
    for repository, digest in images.items():
        if digest:
            _verify(read_manifest(account, repository, digest), project.repository, digest)
            print(f"{repository}@{digest}: built by {SIGNER}")


def read_manifest(account: Account, repository: str, digest: str) -> bytes:
    """Return an image's manifest, as it was pushed. Raises CommandError."""
    client = account.session.client("ecr", config=CONFIG)
    with aws_errors("ECR"):
        found = client.batch_get_image(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest}],
            acceptedMediaTypes=[*MEDIA_TYPES],
        )["images"]
    content = found[0]["imageManifest"].encode() if found else b""
    if digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise CommandError(f"{repository}: no image {digest}")
    return content


def _verify(manifest: bytes, repository: GitHubRepository, digest: str) -> None:
    name = f"{repository.owner}/{repository.name}"
    with TemporaryDirectory() as scratch:
        file = Path(scratch, "manifest.json")
        file.write_bytes(manifest)
        command = ["gh", "attestation", "verify", str(file), f"--repo={name}"]
        done = subprocess.run(
            [*command, f"--signer-workflow={name}/{SIGNER}"],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise CommandError(
            f"{digest} is not attested by {name}/{SIGNER}, so it is not deployed: "
            f"{' '.join(done.stderr.split())[-300:]}"
        )


if __name__ == "__main__":
    run(main)
