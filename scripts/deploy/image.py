"""Images in ECR: built, tested, pushed, found, tagged."""

import base64
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scripts.common.errors import CommandError
from scripts.common.progress import log
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.deploy.build_arguments import build_arguments, read_models
from scripts.deploy.docker import docker
from scripts.deploy.models import format_models
from scripts.deploy.smoke import Runner, smoke_test
from scripts.registry.registry import Registry

MODELS = Path("build/image/models")
SOURCES = (Path(".dockerignore"), Path("function"), Path("scripts/compile.py"))
# Lambda refuses an index with attestations next to the image.
PLAIN = ("--provenance=false", "--sbom=false")


@dataclass(frozen=True)
class ImageSpec:
    """An image to build and test.

    repository: name in ECR. arguments: of the build, by name. runner: how the smoke test runs it.
    default_model: the model that answers a request that names none.
    """

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
    spec: ImageSpec,
    flags: Sequence[str] = (),
) -> str:
    """Build an image with these models, test it, push it to ECR, and return its digest.

    An image of the same content that ECR has already passed its test and is not built again.
    `models` has versions by model; `flags` are further ones of `docker buildx build`. The digest
    begins with `sha256:`.
    Raises CommandError, RegistryError or UsageError.
    """
    tag = _tag(spec, models)
    if digest := _find_digest(account, spec.repository, tag):
        log(f"{spec.repository}:{tag} is there already")
        return digest
    shutil.rmtree(MODELS, ignore_errors=True)
    for model, version in models.items():
        registry.pull(model, version, MODELS)
    host = f"{account.number}.dkr.ecr.{account.region}.amazonaws.com"
    reference = f"{host}/{spec.repository}:{tag}"
    artifacts = read_models(MODELS)
    versions = format_models(models)
    docker(
        "buildx",
        "build",
        *PLAIN,
        "--load",
        f"--platform={spec.platform}",
        f"--file={spec.dockerfile}",
        f"--tag={reference}",
        *(f"--build-arg={name}={value}" for name, value in spec.arguments.items()),
        *build_arguments(MODELS, artifacts, versions),
        *flags,
        ".",
    )
    smoke_test(reference, spec.platform, artifacts, spec.default_model, spec.runner)
    log(f"{spec.repository}:{tag} answers, by {versions}")
    _log_in(account, host)
    docker("push", reference)
    digest = _find_digest(account, spec.repository, tag)
    if digest is None:
        raise CommandError(f"{reference} was pushed, but ECR does not have it")
    return digest


def _tag(spec: ImageSpec, models: Mapping[str, str]) -> str:
    """Return a tag that only the same files, models and spec have.

    A job on GitHub attests what it pushes, so it never takes an image of another machine.
    """
    builder = "job" if os.environ.get("GITHUB_ACTIONS") else "machine"
    inputs = [sorted(models.items()), spec.platform, sorted(spec.arguments.items()), builder]
    inputs.append([content_digest(spec.dockerfile)])
    return hashlib.sha256(repr(inputs).encode()).hexdigest()[:24]


def content_digest(dockerfile: str) -> str:
    """Return the SHA-256 over the files that an image is made of: code, locks, recipe."""
    return files_digest(Path(dockerfile), *SOURCES)


def files_digest(*paths: Path) -> str:
    """Return the SHA-256 over names and contents of files, and of those in folders."""
    found = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    digest = hashlib.sha256()
    kept = (each for each in found if each.is_file() and "__pycache__" not in each.parts)
    for path in sorted(kept):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def _find_digest(account: Account, repository: str, tag: str) -> str | None:
    client = account.session.client("ecr", config=CONFIG)
    with aws_errors("ECR"):
        try:
            answer = client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except client.exceptions.ImageNotFoundException:
            return None
    return answer["imageDetails"][0]["imageDigest"]


def _log_in(account: Account, host: str) -> None:
    with aws_errors("ECR"):
        client = account.session.client("ecr", config=CONFIG)
        data = client.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    docker("login", f"--username={user}", "--password-stdin", host, stdin=password)


def require_image(account: Account, repository: str, digest: str) -> None:
    """Raise CommandError where a repository no longer has an image."""
    client = account.session.client("ecr", config=CONFIG)
    with aws_errors("ECR"):
        try:
            client.describe_images(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        except client.exceptions.ImageNotFoundException as error:
            raise CommandError(
                f"{repository} keeps {digest} no more: check its commit out and deploy that"
            ) from error


def tag_as_deployed(account: Account, repository: str, digest: str, stage: str) -> None:
    """Give a live image the tag by which its repository keeps it. Raises CommandError."""
    client = account.session.client("ecr", config=CONFIG)
    short = digest.removeprefix("sha256:")[:8]
    tag = f"{stage}-{datetime.now(UTC):%Y%m%dt%H%M%S}-{short}"
    with aws_errors("ECR"), suppress(client.exceptions.ImageAlreadyExistsException):
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
