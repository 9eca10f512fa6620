"""Build an image for a stage, see it answer, push it, and learn its digest."""

import base64
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.common.errors import CommandError
from scripts.common.git import commit, is_commit
from scripts.common.progress import say
from scripts.deploy.account import CONFIG, Account, said_plainly
from scripts.deploy.build_arguments import build_arguments, read_models
from scripts.deploy.docker import docker
from scripts.deploy.models import written
from scripts.deploy.smoke import Runner, examine
from scripts.registry.registry import Registry

MODELS = Path("build/image/models")
# Lambda refuses an index with attestations beside the image.
PLAIN = ("--provenance=false", "--sbom=false")


@dataclass(frozen=True)
class Recipe:
    """What to build. repository: of ECR, by its name. arguments: of the build, by name. runner:
    how it is run before it is pushed. default_model: which of its models answers unasked."""

    dockerfile: str
    repository: str
    platform: str
    arguments: Mapping[str, str]
    runner: Runner
    default_model: str


def build_and_push(
    account: Account,
    registry: Registry,
    models: Mapping[str, str],
    recipe: Recipe,
    flags: Sequence[str] = (),
) -> str:
    """`sha256:...` of an image with these models, in ECR. One that is there has passed its smoke
    test, and is not built again. flags: further ones of `docker buildx build`.

    Raises CommandError, RegistryError, UsageError.
    """
    tag = tag_of(recipe, models)
    if digest := find_digest(account, recipe.repository, tag):
        say(f"{recipe.repository}:{tag} is there already")
        return digest
    shutil.rmtree(MODELS, ignore_errors=True)
    for model, version in models.items():
        registry.pull(model, version, MODELS)
    host = f"{account.number}.dkr.ecr.{account.region}.amazonaws.com"
    reference = f"{host}/{recipe.repository}:{tag}"
    artifacts = read_models(MODELS)
    versions = written(models)
    docker(
        "buildx",
        "build",
        *PLAIN,
        "--load",
        f"--platform={recipe.platform}",
        f"--file={recipe.dockerfile}",
        f"--tag={reference}",
        *(f"--build-arg={name}={value}" for name, value in recipe.arguments.items()),
        *build_arguments(MODELS, artifacts, versions),
        *flags,
        ".",
    )
    examine(reference, recipe.platform, artifacts, recipe.default_model, recipe.runner)
    say(f"{recipe.repository}:{tag} answers, by {versions}")
    _log_in(account, host)
    docker("push", reference)
    digest = find_digest(account, recipe.repository, tag)
    if digest is None:
        raise CommandError(f"{reference} was pushed, but ECR does not have it")
    return digest


def tag_of(recipe: Recipe, models: Mapping[str, str]) -> str:
    """A tag that the same commit, models and recipe have again, and nothing else ever has."""
    inputs = [sorted(models.items()), recipe.dockerfile, recipe.platform, recipe.arguments]
    digest = hashlib.sha256(repr(inputs).encode()).hexdigest()[:8]
    source = commit()
    if not is_commit(source):
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


def require_image(account: Account, repository: str, digest: str) -> None:
    """Raise CommandError where a repository has an image no longer."""
    client = account.session.client("ecr", config=CONFIG)
    with said_plainly("ECR"):
        try:
            client.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        except client.exceptions.ImageNotFoundException as error:
            raise CommandError(
                f"{repository} keeps {digest} no more: check its commit out and deploy that"
            ) from error


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


def _log_in(account: Account, host: str) -> None:
    with said_plainly("ECR"):
        client = account.session.client("ecr", config=CONFIG)
        data = client.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    docker("login", f"--username={user}", "--password-stdin", host, given=password)
