"""Stack that an account has once per region: registries, and the roles of GitHub's jobs."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.github_roles import GitHubTrust, ImageRoles
from infra.components.registries import ImageRepository, ModelBucket
from infra.components.stage_roles import DeployRole, RefreshRole
from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

ROLES: Mapping[str, type[DeployRole | RefreshRole]] = {"deploy": DeployRole, "refresh": RefreshRole}


class FoundationStack(cdk.Stack):
    """Model bucket, image repositories, and roles for building, refreshing and each stage.

    `stages` are those in this account and region. `suffix` distinguishes the names of roles that
    serve all stages from those of the account's other regions.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stages: Sequence[StageConfiguration],
        suffix: str = "",
        **properties: Any,
    ) -> None:
        super().__init__(scope, id_, **properties)
        production_first = sorted(stages, key=lambda stage: not stage.moves_production)
        models = ModelBucket(self, "Models", project=project)
        images = {
            name: ImageRepository(
                self,
                id_,
                project=project,
                name=name,
                stages=[stage.name for stage in production_first],
            )
            for id_, name in (
                ("FunctionImages", project.function_repository),
                ("ServerImages", project.server_repository),
            )
        }
        images[project.function_repository].grant_lambda_pull(project=project)
        repositories = [each.repository for each in images.values()]
        trust = GitHubTrust(self, "GitHub", project=project)
        roles = ImageRoles(
            self,
            "ImageRoles",
            project=project,
            suffix=suffix,
            trust=trust,
            bucket=models.bucket,
            repositories=repositories,
        )
        outputs = {
            "ModelBucket": models.bucket.bucket_name,
            "FunctionRepository": repositories[0].repository_uri,
            "ServerRepository": repositories[1].repository_uri,
            "PushRole": roles.push.role_arn,
            "RefreshRole": roles.refresh.role_arn,
        }
        for stage in stages:
            for purpose in stage.job_environments:
                made = ROLES[purpose](
                    self,
                    f"{stage.name.capitalize()}{purpose.capitalize()}",
                    deployment=Deployment(project, stage),
                    trust=trust,
                    bucket=models.bucket,
                    repositories=repositories,
                )
                name = f"{stage.name.replace('-', '').capitalize()}{purpose.capitalize()}Role"
                outputs[name] = made.role.role_arn
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
