"""Earlier releases of a stage: which one to go back to, and going back."""

from collections.abc import Iterator, Sequence

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError, UsageError
from scripts.common.git import commit, is_commit
from scripts.common.progress import say
from scripts.deploy import delivery
from scripts.deploy.account import Account
from scripts.deploy.builds import Build, stage_registry
from scripts.deploy.delivery import deliver
from scripts.deploy.image import require_image
from scripts.deploy.models import written
from scripts.registry.registry import Registry
from scripts.registry.releases import (
    History,
    Release,
    list_releases,
    record_release,
    release_history,
)

AT_ONCE = "AllAtOnce"


def find(releases: Sequence[Release], name: str) -> Release:
    """A release by its name. Raises UsageError."""
    for release in releases:
        if release.name == name:
            return release
    raise UsageError(f"no release '{name}'; --list shows those that there are")


def one_before(past: History, live: str) -> Release:
    """The release before what is live. Raises CommandError where there is none.

    Where what is live was never recorded, it is the last that was. Where it is an earlier one
    than the last that was recorded, it is that itself: an earlier run came so far, and no further.
    """
    images = [release.image for release in past.active]
    if not images:
        raise CommandError("no release was recorded, so there is none to go back to")
    if images[-1] != live:
        return past.active[images.index(live) if live in images else -1]
    if len(images) == 1:
        raise CommandError(f"{past.active[0].name} is live, and nothing is behind it")
    return past.active[-2]


def bring_back(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration, target: Release
) -> str:
    """Make a release's images live at once; the address where they answer. The stack that watches
    is left as it is. Raises CommandError."""
    require_image(account, project.function_repository, target.image)
    names = [project.stack(stage.name, "function")]
    if stage.service and target.server:
        require_image(account, project.server_repository, target.server)
        names.append(project.stack(stage.name, "service"))
    elif stage.service:
        say(f"{target.name} knows of no server's image: the service stays as it is")
    return deliver(account, project, stage, _build(target), names=names, rollout=AT_ONCE)


def record(
    account: Account,
    project: ProjectConfiguration,
    stage: StageConfiguration,
    releases: Sequence[Release],
    target: Release,
) -> None:
    """Let `production` match what is live again, and write down that it is.

    The release comes last: without it the next run knows that this one did not end.
    """
    delivery.mark(account, project, stage, _build(target))
    registry = stage_registry(account, project)
    if stage.moves_production:
        why = f"{stage.name} is back at {target.name}"
        back = target.image in [each.image for each in release_history(releases).active]
        for model, version in target.models.items():
            move = registry.return_to if back else registry.promote
            say(f"{model} production -> {move(model, version, why).version}")
    if releases[-1].image != target.image:
        record_release(registry.store, delivery.released(stage, _build(target), target.commit))


def rows(releases: Sequence[Release], live: str) -> Iterator[Sequence[str]]:
    """For people: name, commit, models, and what became of each; the newest first."""
    past = release_history(releases)
    gone = {release.image for release, _ in past.rolled_back}
    for release in reversed(releases):
        mark = "live" * (release.image == live) or "taken back" * (release.image in gone)
        yield release.name, release.commit[:12], written(release.models), mark


def _build(release: Release) -> Build:
    return Build(release.models, release.image, release.server)


def refuse_what_was_taken_back(
    registry: Registry, stage: StageConfiguration, *, again: bool
) -> None:
    """Raise CommandError where this commit was taken back from the stage. again: it is meant."""
    source = commit()
    past = release_history(list_releases(registry.store, stage.name))
    if not again and is_commit(source) and source in past.commits_rolled_back():
        raise CommandError(
            f"{source[:12]} was taken back from {stage.name}: push a repair, or say --again"
        )
