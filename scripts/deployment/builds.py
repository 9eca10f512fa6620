"""What a deployment brings: models and images, made here where they are not given."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deployment import foundation, stacks
from scripts.deployment.account import Account
from scripts.deployment.image import Recipe, build_and_push
from scripts.deployment.models import choose, seed
from scripts.deployment.progress import say
from scripts.lifecycle.registry import Registry, open_registry


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
    models = choose(registry, stage)
    function = Recipe("Dockerfile.lambda", project.function_repository, stage.function.platform, {})
    digest = build_and_push(account, registry, models, function)
    if not stage.service:
        return Build(models, digest)
    server = Recipe(
        "Dockerfile.ecs-gpu",
        project.server_repository,
        stage.service.platform,
        {"VARIANT": stage.service.variant},
    )
    return Build(models, digest, build_and_push(account, registry, models, server))


def stage_registry(account: Account, project: ProjectConfiguration) -> Registry:
    """The registry in the account's bucket."""
    bucket = account.output(foundation.stack_name(project), "ModelBucket")
    return open_registry(f"s3://{bucket}")
