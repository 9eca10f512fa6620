"""The stacks of a stage, by name, and how they are deployed and removed."""

from collections.abc import Mapping, Sequence

from infra.configuration.checks import ConfigurationError
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import UsageError
from scripts.deploy.cdk import run_cdk


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


def load_stages() -> tuple[ProjectConfiguration, tuple[StageConfiguration, ...]]:
    """The project and its stages. Raises UsageError where they make no sense."""
    try:
        from infra.stages import PROJECT, STAGES  # which refuse nonsense when they are read
    except ConfigurationError as error:
        raise UsageError(f"infra/stages.py: {error}") from error
    return PROJECT, STAGES


def load_stage(name: str | None) -> tuple[ProjectConfiguration, StageConfiguration]:
    """The project and one stage. Raises UsageError where there is none of that name."""
    project, stages = load_stages()
    for stage in stages:
        if stage.name == name:
            return project, stage
    known = ", ".join(stage.name for stage in stages)
    raise UsageError(
        f"which stage? say STAGE=NAME, one of {known}" + (f"; not '{name}'" * bool(name))
    )
