"""Docker for tests: notes what it was asked; what is pushed lands in moto's ECR."""

import json
import os
from hashlib import sha256
from pathlib import Path

import boto3


def main(arguments: list[str], given: str | None) -> int:
    """Exit code of a command. given: by stdin."""
    with Path(os.environ["FAKE_DOCKER_LOG"]).open("a") as log:
        log.write(json.dumps({"arguments": arguments, "given": given}) + "\n")
    if arguments[0] in os.environ.get("FAKE_DOCKER_FAILS", "").split(","):
        return 1
    if arguments[0] == "push":
        repository, _, tag = arguments[-1].partition("/")[2].partition(":")
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"size": 1},
            "layers": [{"digest": f"sha256:{sha256(tag.encode()).hexdigest()}"}],
        }
        boto3.client("ecr").put_image(
            repositoryName=repository,
            imageTag=tag,
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=str(manifest["mediaType"]),
        )
    return 0
