"""Bring images that are in ECR to a stage, and see that they answer there."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError
from scripts.deployment import outcome, stacks
from scripts.deployment.account import Account
from scripts.deployment.api_key import ensure_key
from scripts.deployment.builds import Build
from scripts.deployment.progress import say


def deliver(
    account: Account,
    project: ProjectConfiguration,
    stage: StageConfiguration,
    build: Build,
    *,
    names: Sequence[str],
    rollout: str = "",
) -> str:
    """Deploy stacks of a stage with a build; the address where it answers.

    names: of the stacks. rollout: `AllAtOnce`, in the place of what the stage has. The API's key is
    made where there is none, and shown. Raises CommandError with CodeDeploy's reason and the alarm.
    """
    key_version, key = ensure_key(account, project, stage)
    if key:
        say(f"The API's key, shown this once and kept nowhere: {key}")
    context = {
        "stage": stage.name,
        "function_image": build.function,
        "server_image": build.server,
        "api_key_version": key_version,
        "rollout": rollout,
    }
    started = datetime.now(UTC)
    try:
        stacks.deploy(names, context)
    except CommandError as error:
        why = outcome.reasons(account, f"{project.name}-{stage.name}", started)
        raise CommandError("\n".join([str(error), *why])) from error
    return outcome.verify(
        account, project, stage, build, key or os.environ.get("EVERGREEN_API_KEY")
    )
