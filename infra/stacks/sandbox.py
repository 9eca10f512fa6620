"""Stack that the sandbox's account has once: the roles of previews and of nightly checks."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.github_roles import GitHubTrust
from infra.components.preview_roles import NightlyRole, PreviewRoles, assets_bucket
from infra.components.registries import ImageRepository
from infra.components.storage import private_bucket
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import SANDBOX

# Names in .github/workflows/preview.yml and nightly.yml.
PREVIEWS, CHECKS = "preview", "nightly"


class SandboxStack(cdk.Stack):
    """GitHub's provider, images and code of previews, and two roles of jobs.

    `project` is the previews'. Nightly checks make and delete a foundation of their own.
    """

    def __init__(
        self, scope: Construct, id_: str, *, project: ProjectConfiguration, **properties: Any
    ) -> None:
        super().__init__(scope, id_, **properties)
        trust = GitHubTrust(self, "GitHub", project=project)
        images = ImageRepository(
            self, "Images", project=project, name=project.function_repository, stages=[]
        )
        images.grant_lambda_pull(project=project)
        assets = private_bucket(
            self,
            name=assets_bucket(project, self.account, self.region),
            versioned=False,
            retain=False,
            lifecycle_rules=[
                s3.LifecycleRule(id="code-of-hooks", expiration=cdk.Duration.days(90))
            ],
            without_access_log="Only previews have access, to the code of their own hooks.",
        )
        previews = PreviewRoles(
            self,
            "Previews",
            project=project,
            jobs=trust.pull_requests(workflow=PREVIEWS),
            repository=images.repository,
            assets=assets,
        )
        nightly = NightlyRole(
            self,
            "Nightly",
            project=project,
            jobs=trust.jobs(f"environment:{SANDBOX}", workflow=CHECKS),
        )
        for name, value in {
            "PreviewRole": previews.jobs.role_arn,
            "NightlyRole": nightly.role.role_arn,
            "PreviewRepository": images.repository.repository_uri,
            "PreviewAssets": assets.bucket_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
