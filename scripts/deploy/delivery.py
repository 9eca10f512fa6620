"""Bring images that are in ECR to a stage, and see that they answer there."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError
from scripts.common.git import commit
from scripts.common.progress import say
from scripts.deploy import stacks
from scripts.deploy.account import CONFIG, Account, said_plainly
from scripts.deploy.api_key import ensure_key
from scripts.deploy.builds import Build, stage_registry
from scripts.deploy.image import mark_deployed
from scripts.deploy.live import ask, live_digest
from scripts.registry.registry import PRODUCTION
from scripts.registry.releases import Release, record_release

ROLLOUT_ALARMS = ("new-version-breaks", "answers-5xx")


def verify(
    account: Account,
    project: ProjectConfiguration,
    stage: StageConfiguration,
    build: Build,
    key: str | None,
) -> str:
    """The address of a stage where the image that was meant is live, and answers. key: of the
    API, where it is at hand. Raises CommandError."""
    url = account.output(project.stack(stage.name, "function"), "Url")
    live = live_digest(account, f"{project.name}-{stage.name}")
    if live != build.function:
        raise CommandError(f"{stage.name}: {live} is live, and not {build.function}")
    say(f"{url}: {ask(account, url, stage.api.auth, key)}")
    return url


def record(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration, build: Build
) -> Release:
    """Write down what is live, for the next deployment, a rollback and the doctor, and let
    `production` follow where the stage moves it."""
    mark(account, project, stage, build)
    registry = stage_registry(account, project)
    release = released(stage, build, commit())
    record_release(registry.store, release)
    if stage.moves_production:
        for model, version in build.models.items():
            registry.promote(model, version, f"release {release.name} of {stage.name}", PRODUCTION)
    return release


def mark(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration, build: Build
) -> None:
    """Tag images that are live, so that their repositories keep them."""
    mark_deployed(account, project.function_repository, build.function, stage.name)
    if build.server:
        mark_deployed(account, project.server_repository, build.server, stage.name)


def released(stage: StageConfiguration, build: Build, source: str) -> Release:
    """A release of this moment. source: the commit that was built."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Release(stage.name, source, build.function, dict(build.models), moment, build.server)


def reasons(account: Account, name: str, since: datetime) -> Iterator[str]:
    """Why a version was refused or taken back, as CodeDeploy and the alarms have it.

    name: of the deployment group. since: when the deployment started.
    """
    codedeploy = account.session.client("codedeploy", config=CONFIG)
    with said_plainly("CodeDeploy"):
        deployments = codedeploy.list_deployments(
            applicationName=name,
            deploymentGroupName=name,
            includeOnlyStatuses=["Failed", "Stopped"],
            createTimeRange={"start": since},
        )["deployments"]
        for deployment in deployments:
            info = codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
            error = info.get("errorInformation", {})
            code, message = error.get("code", info.get("status")), error.get("message", "")
            yield f"{deployment}: {code}: {message}"
    with said_plainly("CloudWatch"):
        alarms = account.session.client("cloudwatch", config=CONFIG).describe_alarms(
            AlarmNames=[f"{name}-{alarm}" for alarm in ROLLOUT_ALARMS], StateValue="ALARM"
        )["MetricAlarms"]
    for alarm in alarms:
        yield f"alarm {alarm['AlarmName']}: {alarm.get('StateReason', '')}"


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
        why = reasons(account, f"{project.name}-{stage.name}", started)
        raise CommandError("\n".join([str(error), *why])) from error
    return verify(account, project, stage, build, key or os.environ.get("EVERGREEN_API_KEY"))
