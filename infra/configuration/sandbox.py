"""Configuration of the sandbox, an AWS account for previews of pull requests and nightly checks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.checks import Section, require, require_match
from infra.configuration.function import Architecture, FunctionConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration

SANDBOX = "sandbox"  # the stack's part of the name, and the environment on GitHub of nightly jobs
NIGHTLY = ("nightly", "nightly-full", "nightly-gpu")
PREVIEW = r"pr-[1-9][0-9]{0,8}"


class PreviewProject(ProjectConfiguration):
    """Project of previews, whose images are in a repository of their own.

    Images are found by tags of their content: in a shared repository a pull request could push
    the one that another stage takes next.
    """

    @property
    def function_repository(self) -> str:
        """Return the name of the ECR repository of previews."""
        return f"{self.name}/preview"


@dataclass(frozen=True, kw_only=True)
class SandboxConfiguration(Section, prefix="sandbox"):
    """Account in which `preview.yml` deploys pull requests, and `nightly.yml` everything.

    Attributes:
        account: Number of an AWS account that no other stage is in: nightly jobs may do anything
            there.
        region: Region of all its stages.
        architecture: Processor of its functions.
    """

    account: str
    region: str
    architecture: Architecture = "arm64"

    def __post_init__(self) -> None:
        self.require_match("account", r"\d{12}", "123456789012, as text")
        self.preview("pr-1")  # which checks the region

    def owns(self, name: str | None) -> bool:
        """Return whether a stage's name is one of the sandbox: `sandbox` itself is its roles."""
        return name in (SANDBOX, *NIGHTLY) or is_preview(name)

    def check(self, stages: Sequence[StageConfiguration]) -> None:
        """Raise ConfigurationError where a stage is in the sandbox, or has a name of its stages."""
        for stage in stages:
            shared = f"stage {stage.name} is in it: give the sandbox an account of its own"
            require(stage.account != self.account, "sandbox.account", shared)
            require(not self.owns(stage.name), "name", f"'{stage.name}' is the sandbox's")

    def stage(self, name: str) -> StageConfiguration:
        """Return the stage of a name: `pr-N` or one of NIGHTLY. Raises ConfigurationError."""
        found = {stage.name: stage for stage in self.nightly()}
        return found[name] if name in found else self.preview(name)

    def project(self, project: ProjectConfiguration, name: str) -> ProjectConfiguration:
        """Return the project of a stage of the sandbox, where nothing is kept."""
        if name in NIGHTLY:  # the sandbox's stack has the provider already
            return replace(project, retain_data=False, github_oidc="existing")
        return PreviewProject(**{**vars(project), "retain_data": False})

    def preview(self, name: str) -> StageConfiguration:
        """Return the stage of a pull request: a function that anybody may call, a little.

        Its address is in a comment, where a key would be no secret.
        """
        require_match(PREVIEW, name, "stage", "pr-7, of pull request 7")
        return StageConfiguration(
            name=name,
            account=self.account,
            region=self.region,
            environments=(),
            retain_data=False,
            log_retention_days=1,
            function=FunctionConfiguration(
                architecture=self.architecture,
                rollout="AllAtOnce",
                tick_minutes=60,
                environment={"MAX_TEXTS": "16"},
            ),
            api=ApiConfiguration(auth="public", rate=2, burst=4),
        )

    def nightly(self) -> tuple[StageConfiguration, ...]:
        """Return the stages of nightly checks: the function alone, all on Fargate, on a GPU."""
        small = StageConfiguration(
            name=NIGHTLY[0],
            account=self.account,
            region=self.region,
            environments=(SANDBOX,),
            refresh_environment=f"{SANDBOX}-refresh",
            moves_production=True,
            retain_data=False,
            log_retention_days=1,
            function=FunctionConfiguration(architecture=self.architecture),
            api=ApiConfiguration(rate=10, burst=20),
            watch=WatchConfiguration(model_age_days=None, drift_deviations=None),
        )
        full = replace(
            small,
            name=NIGHTLY[1],
            refresh_environment="",  # its name may be too long for the refresh's role
            bulk=BulkConfiguration(),
            predictions=PredictionsConfiguration(),
            service=ServiceConfiguration(capacity="fargate", architecture=self.architecture),
        )
        gpu = replace(
            small,
            name=NIGHTLY[2],
            refresh_environment="",
            function=replace(small.function, architecture="x86_64"),
            service=ServiceConfiguration(capacity="gpu"),
        )
        return small, full, gpu


def is_preview(name: str | None) -> TypeGuard[str]:
    """Return whether a stage's name is that of a pull request's."""
    return bool(name and re.fullmatch(PREVIEW, name))
