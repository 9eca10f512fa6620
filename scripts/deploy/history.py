"""Earlier releases of a stage, and rolling back to one.

A model or a commit that was rolled back is deployed again only on request. The registry's alias
knows such models. Releases know such commits: after a rollback the branch still ends with the bad
one, and the next model would be built with it.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from infra.configuration.deployment import Deployment
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError, UsageError
from scripts.common.git import commit, is_commit
from scripts.common.progress import log
from scripts.deploy import delivery, stacks
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.deploy.builds import Build, stage_registry
from scripts.deploy.delivery import deliver
from scripts.deploy.image import require_image
from scripts.deploy.models import format_models
from scripts.deploy.templates import Templates
from scripts.registry.registry import Registry
from scripts.registry.releases import (
    History,
    Release,
    list_releases,
    record_release,
    release_history,
)

AT_ONCE = "AllAtOnce"
TRIES, PAUSE_SECONDS = 60, 15  # a deployment under way is given up within minutes


def refuse_rolled_back(registry: Registry, stage: StageConfiguration, *, again: bool) -> None:
    """Raise CommandError where this commit was rolled back from the stage. again: allow it."""
    source = commit()
    history = release_history(list_releases(registry.store, stage.name))
    if not again and is_commit(source) and source in history.commits_rolled_back():
        raise CommandError(
            f"{source[:12]} was rolled back from {stage.name}: push a repair, or say --again"
        )


def last_release(registry: Registry, stage: StageConfiguration) -> str:
    """Return the name of the release that was recorded last; `none` before the first."""
    releases = list_releases(registry.store, stage.name)
    return releases[-1].name if releases else "none"


def refuse_other_release(registry: Registry, stage: StageConfiguration, after: str) -> None:
    """Raise CommandError where another release than `after` was recorded last."""
    last = last_release(registry, stage)
    if last != after:
        raise CommandError(
            f"{stage.name}: {last} was released since this image was built, which may have older "
            "code or models: run all jobs of this workflow again"
        )


def find_release(releases: Sequence[Release], name: str) -> Release:
    """Return the release of a name. Raises UsageError."""
    for release in releases:
        if release.name == name:
            return release
    raise UsageError(f"no release '{name}'; --list shows those that there are")


def previous_release(history: History, live: str, *, stopped: bool = False) -> Release:
    """Return the release before the live image, or the one that an interrupted run was to restore.

    If the live image was never recorded, the last release is the previous one. If it is that of an
    earlier release than the last, an earlier rollback made it live and did not record it: this
    release is returned, so that the rollback is completed. If a canary was stopped, the live
    release is what it was to replace. Raises CommandError if there is none.
    """
    active = history.active
    if not active:
        raise CommandError("no release was recorded, so there is none to go back to")
    if active[-1].image != live:
        return _live_release(history, live) or active[-1]
    if stopped:
        return active[-1]
    if len(active) == 1:
        raise CommandError(f"{active[0].name} is live, and nothing is behind it")
    return active[-2]


def roll_back(
    account: Account, deployment: Deployment, target: Release, templates: Templates
) -> str:
    """Make a release's images live at once, by these templates, and return the stage's address.

    Deploys every stack that runs an image: the API, the service, bulk scoring; before them the
    alarms. Leaves the prediction log as it is, and what the templates do not have. Raises
    CommandError.
    """
    project = deployment.project
    require_image(account, project.function_repository, target.image)
    parts = ["function", "bulk"]
    if target.server and deployment.stack("service") in templates.stacks:
        require_image(account, project.server_repository, target.server)
        parts.insert(1, "service")
    names = [name for name in map(deployment.stack, parts) if name in templates.stacks]
    for part in deployment.stage.image_parts:
        if (name := deployment.stack(part)) not in names:
            log(f"{name} stays as it is: {target.name} has none")
    _deploy_watch(deployment, templates)
    build = _build(target)
    return deliver(account, deployment, build, names=names, rollout=AT_ONCE, app=templates.app)


def _deploy_watch(deployment: Deployment, templates: Templates) -> None:
    """Deploy the alarms, or log why not: they hold up no rollback.

    They come first: CloudFormation keeps an output of the other stacks while the alarms import it,
    and those of an earlier commit import less.
    """
    name = deployment.stack("watch")
    if name in templates.stacks:
        try:
            stacks.deploy([name], {"stage": deployment.stage.name}, app=templates.app)
        except CommandError as error:
            log(f"note: {name} stays as it is: {error}")


def _live_release(history: History, live: str) -> Release | None:
    return next((each for each in reversed(history.active) if each.image == live), None)


def stop_rollout(
    account: Account, deployment: Deployment, *, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Stop a canary under way, and wait until CloudFormation has taken it back.

    Returns whether there was one. Raises CommandError where that takes too long.
    """
    name = deployment.name
    client = account.session.client("codedeploy", config=CONFIG)
    running: Sequence[str] = ()
    try:
        with aws_errors("CodeDeploy"):
            running = client.list_deployments(
                applicationName=name,
                deploymentGroupName=name,
                includeOnlyStatuses=["Created", "Queued", "InProgress", "Ready"],
            )["deployments"]
            for id_ in running:
                log(f"{id_} is under way: it is stopped")
                client.stop_deployment(deploymentId=id_, autoRollbackEnabled=True)
    except CommandError as error:
        log(f"a canary under way is not stopped: {error}")
    for left in reversed(range(TRIES)):
        busy = stacks.in_progress(account, stacks.names(deployment))
        if not busy:
            return bool(running)
        if left:
            sleep(PAUSE_SECONDS)
    raise CommandError(f"{busy}, after {TRIES * PAUSE_SECONDS // 60} minutes")


def record_rollback(
    account: Account, deployment: Deployment, releases: Sequence[Release], target: Release
) -> None:
    """Point `production` at the live versions again, and record the release.

    The release comes last: a run that finds none knows that the rollback is not complete.
    """
    project, stage = deployment
    delivery.tag_images(account, deployment, _build(target))
    registry = stage_registry(account, project)
    if stage.moves_production:
        reason = f"{stage.name} is back at {target.name}"
        active = [each.deployed for each in release_history(releases).active]
        move = registry.return_to if target.deployed in active else registry.promote
        for model, version in target.models.items():
            log(f"{model} production -> {move(model, version, reason).version}")
    if releases[-1].deployed != target.deployed:
        release = delivery.new_release(stage, _build(target), target.commit, target.templates)
        record_release(registry.store, release)


def release_rows(releases: Sequence[Release], live: str) -> Iterator[Sequence[str]]:
    """Yield name, commit, models and state of each release, the newest first."""
    history = release_history(releases)
    rolled_back = {release.deployed for release, _ in history.rolled_back}
    current = _live_release(history, live)
    for release in reversed(releases):
        is_live = release.deployed == current.deployed if current else release.image == live
        is_rolled_back = release.deployed in rolled_back
        state = "live" * is_live or "rolled back" * is_rolled_back
        yield release.name, release.commit[:12], format_models(release.models), state


def _build(release: Release) -> Build:
    return Build(release.models, release.image, release.server)
