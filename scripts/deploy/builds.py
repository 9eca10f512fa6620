"""The models and images of a deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from scripts.common.errors import UsageError
from scripts.common.progress import log
from scripts.deploy import foundation, stacks
from scripts.deploy.account import Account
from scripts.deploy.image import ImageSpec, build_and_push
from scripts.deploy.models import choose_models, seed
from scripts.deploy.smoke import as_lambda, as_server
from scripts.registry.registry import Registry, open_registry


@dataclass(frozen=True)
class Build:
    """Models, by name to version, and the digests of the images that carry them.

    A digest is empty where the image was not built: a stage without a service has no server's.
    """

    models: Mapping[str, str]
    function: str = ""
    server: str = ""


def build_all(account: Account, deployment: Deployment, source: str) -> Build:
    """Make what a stage needs and lacks: the foundation, models in its bucket, images.

    The first models come from the registry at `source`.
    """
    project, stage = deployment
    context = {"stage": stage.name, "github_oidc": foundation.github_oidc(account, project)}
    stacks.deploy([foundation.stack_name(project)], context)
    registry = stage_registry(account, project)
    for seeded in seed(open_registry(source), registry):
        log(f"{registry.store.location}: {seeded} is the candidate")
    return build_images(account, deployment, choose_models(registry, stage))


def build_images(
    account: Account,
    deployment: Deployment,
    models: Mapping[str, str],
    flags: Sequence[str] = (),
    only: str = "",
) -> Build:
    """Build a stage's images with these models, test them, and push them to its account.

    `models` has versions by model; `flags` are further ones of `docker buildx build`. `only` is
    the one image to build, of `image_specs`. Raises CommandError, RegistryError or UsageError.
    """
    project, stage = deployment
    registry = stage_registry(account, project)
    specs = image_specs(deployment)
    if only and only not in specs:
        raise UsageError(f"{stage.name} has no image '{only}'; it has {', '.join(specs)}")
    digests = {
        name: build_and_push(account, registry, models, spec, flags)
        for name, spec in specs.items()
        if only in ("", name)
    }
    return Build(models, **digests)


def image_specs(deployment: Deployment) -> dict[str, ImageSpec]:
    """Return the stage's images: `function`, and `server` where it has a service."""
    project, stage = deployment
    specs = {
        "function": ImageSpec(
            "Dockerfile.lambda",
            project.function_repository,
            stage.function.platform,
            {},
            as_lambda(stage.function.memory_megabytes),
            stage.function.default_model,
        )
    }
    if stage.service:
        specs["server"] = ImageSpec(
            "Dockerfile.ecs-gpu",
            project.server_repository,
            stage.service.platform,
            {"VARIANT": stage.service.variant},
            as_server(),
            stage.function.default_model,
        )
    return specs


def stage_registry(account: Account, project: ProjectConfiguration) -> Registry:
    """Return the registry in the account's bucket."""
    return open_registry(f"s3://{foundation.bucket_name(account, project)}")
