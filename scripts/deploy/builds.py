"""What a deployment brings: models and images, made here where they are not given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.progress import say
from scripts.deploy import foundation, stacks
from scripts.deploy.account import Account
from scripts.deploy.image import Recipe, build_and_push
from scripts.deploy.models import choose, seed
from scripts.deploy.smoke import as_lambda, as_server
from scripts.registry.registry import Registry, open_registry


@dataclass(frozen=True)
class Build:
    """What is deployed. models: model to version. function, server: digests of images; server is
    empty where the stage has no service."""

    models: Mapping[str, str]
    function: str
    server: str = ""


def build_all(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration, source: str
) -> Build:
    """Foundation, models in its bucket, and images in its repositories, each where it is not there
    yet. source: the registry that first models come from."""
    context = {"stage": stage.name, "github_oidc": foundation.github_oidc(account, project)}
    stacks.deploy([foundation.stack_name(project)], context)
    registry = stage_registry(account, project)
    for brought in seed(open_registry(source), registry):
        say(f"{registry.store.location}: {brought} is the candidate")
    return build_images(account, project, stage, choose(registry, stage))


def build_images(
    account: Account,
    project: ProjectConfiguration,
    stage: StageConfiguration,
    models: Mapping[str, str],
    flags: Sequence[str] = (),
) -> Build:
    """A stage's images with these models, model to version, in its account's repositories. flags:
    further ones of `docker buildx build`. Raises CommandError, RegistryError, UsageError."""
    registry = stage_registry(account, project)
    function = Recipe(
        "Dockerfile.lambda",
        project.function_repository,
        stage.function.platform,
        {},
        as_lambda(stage.function.memory_megabytes),
        stage.function.default_model,
    )
    digest = build_and_push(account, registry, models, function, flags)
    if not stage.service:
        return Build(models, digest)
    server = Recipe(
        "Dockerfile.ecs-gpu",
        project.server_repository,
        stage.service.platform,
        {"VARIANT": stage.service.variant},
        as_server(),
        stage.function.default_model,
    )
    return Build(models, digest, build_and_push(account, registry, models, server, flags))


def stage_registry(account: Account, project: ProjectConfiguration) -> Registry:
    """The registry in the account's bucket."""
    return open_registry(f"s3://{foundation.bucket(account, project)}")
