"""The stacks of a stage, by name, and how they are deployed and removed."""

from collections.abc import Mapping, Sequence

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deployment.cdk import run_cdk


def names(project: ProjectConfiguration, stage: StageConfiguration) -> list[str]:
    """All that the stage has, in the order in which they are made."""
    parts = {
        "predictions": stage.predictions,
        "function": stage.function,
        "service": stage.service,
        "bulk": stage.bulk,
        "watch": stage.watch,
    }
    return [project.stack(stage.name, part) for part, chosen in parts.items() if chosen]


def deploy(stacks: Sequence[str], context: Mapping[str, str]) -> None:
    """Make stacks, or bring them up to date. Raises CommandError."""
    run_cdk(
        ["deploy", *stacks, "--exclusively", "--require-approval=never", "--progress=events"],
        context=context,
    )


def destroy(stacks: Sequence[str], context: Mapping[str, str]) -> None:
    """Remove stacks, the last made first. Raises CommandError."""
    run_cdk(["destroy", *stacks, "--exclusively", "--force"], context=context)
