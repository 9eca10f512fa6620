"""The configured stages of infra/stages.py, and their stacks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.configuration.checks import ConfigurationError
from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import NIGHTLY, SandboxConfiguration, is_preview
from infra.configuration.stage import StageConfiguration, check_stages
from scripts.common.errors import UsageError
from scripts.deploy.cdk import HERE, CdkApp, run_cdk

if TYPE_CHECKING:  # it imports boto3, which jobs that only plan do not have
    from scripts.deploy.account import Account


# Of a stage, in the order of their deployment.
PARTS = ("predictions", "function", "service", "bulk", "watch")


def names(deployment: Deployment) -> list[str]:
    """Return the names of a stage's stacks, in the order of their deployment."""
    stage = deployment.stage
    return [deployment.stack(part) for part in PARTS if getattr(stage, part)]


def in_progress(account: "Account", names: Iterable[str]) -> str:
    """Return which of these stacks changes right now, and how; empty where none does."""
    for name in names:
        stack = account.stack(name)
        status = stack["StackStatus"] if stack else ""
        if status.endswith("_IN_PROGRESS") and not status.startswith("REVIEW"):
            return f"{name} is {status}"
    return ""


def deploy(stacks: Sequence[str], context: Mapping[str, str], *, app: CdkApp = HERE) -> None:
    """Create or update stacks of an app. Raises CommandError."""
    run_cdk(
        ["deploy", *stacks, "--exclusively", "--require-approval=never", "--progress=events"],
        context=context,
        app=app,
    )


def destroy(stacks: Sequence[str], context: Mapping[str, str]) -> None:
    """Delete stacks, in reverse order of their deployment. Raises CommandError."""
    run_cdk(["destroy", *stacks, "--exclusively", "--force"], context=context)


def load_stages() -> tuple[ProjectConfiguration, tuple[StageConfiguration, ...]]:
    """Return the project and its stages. Raises UsageError where infra/stages.py is invalid."""
    try:
        from infra.stages import PROJECT, STAGES  # which checks each stage

        check_stages(STAGES)
    except (ConfigurationError, NameError) as error:  # of a key, or an import that is missing
        raise UsageError(f"infra/stages.py: {error}") from error
    return PROJECT, STAGES


def load_sandbox() -> SandboxConfiguration | None:
    """Return the sandbox, where infra/stages.py names one. Raises UsageError where it is wrong."""
    _, stages = load_stages()
    from infra import stages as configured

    sandbox: SandboxConfiguration | None = getattr(configured, "SANDBOX", None)
    try:
        if sandbox:
            sandbox.check(stages)
    except ConfigurationError as error:
        raise UsageError(f"infra/stages.py: {error}") from error
    return sandbox


def load_stage(name: str | None) -> Deployment:
    """Return the stage of a name, which may be the sandbox's, in its project.

    Raises UsageError where there is none.
    """
    project, stages = load_stages()
    sandbox = load_sandbox()
    if name in NIGHTLY or is_preview(name):
        if sandbox:
            return Deployment(sandbox.project(project, name), sandbox.stage(name))
        if name not in [stage.name for stage in stages]:
            raise UsageError(f"{name}: infra/stages.py names no sandbox (docs/sandbox.md)")
    for stage in stages:
        if stage.name == name:
            return Deployment(project, stage)
    known = ", ".join(stage.name for stage in stages)
    raise UsageError(
        f"which stage? say STAGE=NAME, one of {known}" + (f"; not '{name}'" * bool(name))
    )
