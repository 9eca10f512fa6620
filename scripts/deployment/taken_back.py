"""What was taken back from a stage comes there again only when somebody says so.

Of models the registry's alias knows that. Of code the releases do: after a rollback the branch
still ends with the commit that was bad, and a newer model would bring it along.
"""

from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError
from scripts.deployment.source import commit, is_commit
from scripts.registry.registry import Registry
from scripts.registry.releases import history, list_releases


def refuse_what_was_taken_back(
    registry: Registry, stage: StageConfiguration, *, again: bool
) -> None:
    """Raise CommandError where this commit was taken back from the stage. again: it is meant."""
    source = commit()
    past = history(list_releases(registry.store, stage.name))
    if not again and is_commit(source) and source in past.commits_taken_back():
        raise CommandError(
            f"{source[:12]} was taken back from {stage.name}: push a repair, or say --again"
        )
