"""The stage that was asked for, as infra/stages.py has it."""

from infra.configuration.checks import ConfigurationError
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import UsageError


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
