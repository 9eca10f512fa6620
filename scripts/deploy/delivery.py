"""Deployment of pushed images to a stage: its stacks, the check that it answers, the release.

Where a deployment fails, its error names CodeDeploy's reason and the alarms.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from infra.configuration.deployment import Deployment
from infra.configuration.function import UNRESERVED
from infra.configuration.stage import StageConfiguration
from scripts.common.command_line import add_to_summary
from scripts.common.errors import CommandError
from scripts.common.git import commit
from scripts.common.progress import log
from scripts.deploy import stacks
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.deploy.api_key import ensure_key
from scripts.deploy.builds import Build, stage_registry
from scripts.deploy.cdk import HERE, CdkApp
from scripts.deploy.image import tag_as_deployed
from scripts.deploy.image_update import update_images
from scripts.deploy.live import check_answers, live_digest, running_tasks
from scripts.deploy.templates import templates_digest
from scripts.registry.registry import PRODUCTION
from scripts.registry.releases import Release, record_release

ROLLOUT_ALARMS = ("new-version-breaks", "answers-5xx")


def deliver(
    account: Account,
    deployment: Deployment,
    build: Build,
    *,
    names: Sequence[str],
    rollout: str = "",
    images_only: bool = False,
    app: CdkApp = HERE,
) -> str:
    """Deploy stacks of a stage with a build, check that it answers, and return its API's address.

    Generates and shows the API's key where the stage has none yet. `rollout` is `AllAtOnce`,
    instead of the stage's own; `images_only` changes nothing but images; `app` has the templates.
    Raises CommandError with CodeDeploy's reason and the alarms.
    """
    stage = deployment.stage
    key_version, key = ensure_key(account, deployment)
    if key:
        log(f"The API's key, shown this once and kept nowhere: {key}")
    name = deployment.name
    free = (
        deployed_concurrency(account, deployment.stack("function"))
        if images_only
        else account.free_concurrency(name)
    )
    if stage.reserved_concurrency(free) != stage.reserved_concurrency():
        log(
            f"Nothing is reserved for {name}: the account has {free} executions at a time, and "
            f"Lambda keeps {UNRESERVED} of them for functions without a reservation."
        )
    context = {
        "stage": stage.name,
        "free_concurrency": "" if free is None else str(free),
        "function_image": build.function,
        "server_image": build.server,
        "api_key_version": key_version,
        "rollout": rollout,
    }
    if busy := stacks.in_progress(account, names):
        raise CommandError(f"{busy}, by another deployment: let it end, then run this again")
    started = datetime.now(UTC)
    try:
        if images_only:
            update_images(account, deployment, context)
        else:
            stacks.deploy(names, context, app=app)
    except CommandError as error:
        reasons = failure_reasons(account, name, started)
        raise CommandError("\n".join([str(error), *reasons])) from error
    stack = deployment.stack("function")
    url, endpoint = account.output(stack, "Url"), account.output(stack, "Endpoint")
    live = live_digest(account, name)
    if live != build.function:
        raise CommandError(f"{stage.name}: {live} is live, and not {build.function}")
    key = key or os.environ.get("EVERGREEN_API_KEY")
    log(f"{endpoint}: {check_answers(account, endpoint, stage.api.auth, key)}")
    if url != endpoint:
        try:
            log(f"{url}: {check_answers(account, url, stage.api.auth, key, tries=1)}")
        except CommandError as error:  # the image answers; names take their time, or a person
            log(f"note: {error}. Its record points to DomainTarget, an output of {stack}")
    if deployment.stack("service") in names and (note := untried_server(account, deployment)):
        log(f"note: {note}")
        add_to_summary(f"Note: {note}.")
    return url


def untried_server(account: Account, deployment: Deployment) -> str:
    """Return a note where ECS has, or may have, started no task with the server's new image.

    It starts none for a service without tasks, and calls that deployed. Empty where one runs.
    """
    name, service = deployment.stack("service"), deployment.stage.service
    tasks = running_tasks(account, name)
    may_rest = tasks is None and service and (service.minimum_tasks == 0 or service.sleep)
    if tasks != 0 and not may_rest:
        return ""
    runs = "runs no task" if tasks == 0 else "may run no task"
    return f"{name} {runs}: then only the smoke test has started the server's image, not ECS"


def deployed_concurrency(account: Account, stack: str) -> int | None:
    """Return the free executions with which a function's stack was deployed; None for unknown.

    With others, more than its image could change.
    """
    found = account.outputs(stack).get("FreeConcurrency")
    return None if found is None else int(found)


def failure_reasons(account: Account, name: str, since: datetime) -> Iterator[str]:
    """Yield why a version was rejected or rolled back, as CodeDeploy and the alarms report it.

    `name` is the deployment group's; the deployment began at `since`.
    """
    for reasons in (_codedeploy_reasons(account, name, since), _alarm_reasons(account, name)):
        try:
            with aws_errors("no reason from there"):
                yield from reasons
        except CommandError as error:  # it must not hide the others, nor the failure itself
            yield str(error)


def _codedeploy_reasons(account: Account, name: str, since: datetime) -> Iterator[str]:
    codedeploy = account.session.client("codedeploy", config=CONFIG)
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


def _alarm_reasons(account: Account, name: str) -> Iterator[str]:
    client = account.session.client("cloudwatch", config=CONFIG)
    for alarm in ROLLOUT_ALARMS:  # their names end in the function's version
        found = client.describe_alarms(AlarmNamePrefix=f"{name}-{alarm}", StateValue="ALARM")
        for each in found["MetricAlarms"]:
            yield f"alarm {each['AlarmName']}: {each.get('StateReason', '')}"


def record_deployment(account: Account, deployment: Deployment, build: Build) -> Release:
    """Record what is live as a release, and move `production` where the stage does that."""
    project, stage = deployment
    tag_images(account, deployment, build)
    registry = stage_registry(account, project)
    release = new_release(stage, build, commit(), templates_digest())
    record_release(registry.store, release)
    if stage.moves_production:
        for model, version in build.models.items():
            registry.promote(model, version, f"release {release.name} of {stage.name}", PRODUCTION)
    return release


def tag_images(account: Account, deployment: Deployment, build: Build) -> None:
    """Tag images that are live, so that their repositories keep them."""
    project, stage = deployment
    tag_as_deployed(account, project.function_repository, build.function, stage.name)
    if build.server:
        tag_as_deployed(account, project.server_repository, build.server, stage.name)


def new_release(stage: StageConfiguration, build: Build, source: str, templates: str) -> Release:
    """Return a release of this moment. source: the commit; templates: the digest of its own."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    models = dict(build.models)
    return Release(stage.name, source, build.function, models, moment, build.server, templates)
