"""Build an image for a stage, push it, and learn its digest."""

import base64
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.deployment.account import CONFIG, Account, said_plainly
from scripts.deployment.source import commit
from scripts.image import build_arguments, read_models
from scripts.lifecycle.errors import CommandError, UsageError
from scripts.lifecycle.registry import Registry

MODELS = Path("build/image/models")
COMMIT = 40  # hex digits; what is longer or shorter is no commit, or not that alone
# Lambda refuses an index with attestations beside the image.
PLAIN = ("--provenance=false", "--sbom=false")


@dataclass(frozen=True)
class Recipe:
    """What to build. repository: of ECR, by its name. arguments: of the build, by name."""

    dockerfile: str
    repository: str
    platform: str
    arguments: Mapping[str, str]


def build_and_push(
    account: Account, registry: Registry, models: Mapping[str, str], recipe: Recipe
) -> str:
    """`sha256:...` of an image with these models, in ECR. One that is there is not built again.

    Raises CommandError, RegistryError, UsageError.
    """
    tag = tag_of(recipe, models)
    if digest := find_digest(account, recipe.repository, tag):
        print(f"{recipe.repository}:{tag} is there already", file=sys.stderr)
        return digest
    tool = shutil.which("docker")
    if tool is None:
        raise UsageError("docker is not there; install it, with buildx, or give an image's digest")
    shutil.rmtree(MODELS, ignore_errors=True)
    for model, version in models.items():
        registry.pull(model, version, MODELS)
    host = f"{account.number}.dkr.ecr.{account.region}.amazonaws.com"
    reference = f"{host}/{recipe.repository}:{tag}"
    artifacts = read_models(MODELS)
    versions = ",".join(f"{model}={version}" for model, version in sorted(models.items()))
    _run(
        tool,
        "buildx",
        "build",
        *PLAIN,
        "--load",
        f"--platform={recipe.platform}",
        f"--file={recipe.dockerfile}",
        f"--tag={reference}",
        *(f"--build-arg={name}={value}" for name, value in recipe.arguments.items()),
        *build_arguments(MODELS, artifacts, versions),
        ".",
    )
    _log_in(account, tool, host)
    _run(tool, "push", reference)
    digest = find_digest(account, recipe.repository, tag)
    if digest is None:
        raise CommandError(f"{reference} was pushed, but ECR does not have it")
    return digest


def tag_of(recipe: Recipe, models: Mapping[str, str]) -> str:
    """A tag that the same commit, models and recipe have again, and nothing else ever has."""
    inputs = [sorted(models.items()), recipe.dockerfile, recipe.platform, recipe.arguments]
    digest = hashlib.sha256(repr(inputs).encode()).hexdigest()[:8]
    source = commit()
    if len(source) != COMMIT:
        return f"changed-{datetime.now(UTC):%Y%m%dt%H%M%S}-{digest}"
    return f"{source[:12]}-{digest}"


def find_digest(account: Account, repository: str, tag: str) -> str | None:
    """The digest behind a tag, None where it is not there."""
    client = account.session.client("ecr", config=CONFIG)
    with said_plainly("ECR"):
        try:
            answer = client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except client.exceptions.ImageNotFoundException:
            return None
    return answer["imageDetails"][0]["imageDigest"]


def mark_deployed(account: Account, repository: str, digest: str, stage: str) -> None:
    """Give an image that is live the tag by which its repository keeps it."""
    client = account.session.client("ecr", config=CONFIG)
    short = digest.removeprefix("sha256:")[:8]
    tag = f"{stage}-{datetime.now(UTC):%Y%m%dt%H%M%S}-{short}"
    with said_plainly("ECR"), suppress(client.exceptions.ImageAlreadyExistsException):
        found = client.batch_get_image(
            repositoryName=repository, imageIds=[{"imageDigest": digest}]
        )["images"]
        if not found:
            raise CommandError(f"{repository}: no image {digest}")
        client.put_image(
            repositoryName=repository,
            imageManifest=found[0]["imageManifest"],
            imageManifestMediaType=found[0]["imageManifestMediaType"],
            imageTag=tag,
        )


def _log_in(account: Account, tool: str, host: str) -> None:
    with said_plainly("ECR"):
        data = account.session.client("ecr", config=CONFIG).get_authorization_token()
    user, _, password = (
        base64.b64decode(data["authorizationData"][0]["authorizationToken"]).decode().partition(":")
    )
    _run(tool, "login", f"--username={user}", "--password-stdin", host, given=password)


def _run(*command: str, given: str | None = None) -> None:
    done = subprocess.run(command, input=given, text=True, stdout=sys.stderr.fileno(), check=False)
    if done.returncode:
        raise CommandError(f"{Path(command[0]).name} {command[1]} failed; see above")
