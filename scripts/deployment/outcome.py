"""What became of a deployment: whether it answers, what is recorded, and else why it failed."""

from collections.abc import Iterator
from datetime import UTC, datetime

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError
from scripts.deployment.account import CONFIG, Account, said_plainly
from scripts.deployment.builds import Build, stage_registry
from scripts.deployment.image import mark_deployed
from scripts.deployment.live import ask, live_digest
from scripts.deployment.progress import say
from scripts.deployment.source import commit
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
