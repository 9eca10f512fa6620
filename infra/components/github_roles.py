"""IAM roles of GitHub's jobs that build and refresh, and the provider by which AWS knows jobs."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import allow
from infra.components.metrics import NAMESPACE
from infra.components.storage import removal_policy
from infra.configuration.project import GitHubRepository, ProjectConfiguration

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# Keys that a refresh writes: versions, verdicts, the record of the check, the candidate. It changes
# nothing that is served.
REFRESHED = ("*/versions/*", "*/verdicts/*", "*/looks/last.json", "*/aliases/candidate.json")
# A model may be judged for 100 minutes, and is published at the end.
JUDGING = cdk.Duration.hours(2)


class GitHubTrust(Construct):
    """OIDC provider for GitHub, of which an account has one: created here, or the existing one."""

    def __init__(self, scope: Construct, id_: str, *, project: ProjectConfiguration) -> None:
        super().__init__(scope, id_)
        self._repository = project.repository
        if project.github_oidc == "existing":
            self._provider: iam.IOidcProvider = iam.OidcProviderNative.from_oidc_provider_arn(
                self,
                "Provider",
                cdk.Stack.of(self).format_arn(
                    service="iam", region="", resource="oidc-provider", resource_name=ISSUER
                ),
            )
        else:
            self._provider = iam.OidcProviderNative(
                self,
                "Provider",
                url=f"https://{ISSUER}",
                client_ids=[AUDIENCE],
                removal_policy=removal_policy(project.retain_data),
            )

    def jobs(self, *contexts: str, workflow: str = "") -> iam.IPrincipal:
        """Return the repository's jobs on its branch, in `ref:refs/heads/B` or `environment:E`.

        The branch is a condition of its own, since the subject of an environment has none. So is
        the repository's number, since a name can pass to another owner. `workflow` admits jobs of
        that workflow alone, and of those that it calls.
        """
        branch = {"ref": f"refs/heads/{self._repository.branch}"}
        return self._principal(contexts, branch | ({"workflow": workflow} if workflow else {}))

    def pull_requests(self, *, workflow: str) -> iam.IPrincipal:
        """Return jobs of a workflow for the repository's pull requests, and on its branch.

        A pull request can name its workflow as it likes. GitHub gives no token to a fork's.
        """
        contexts = ("pull_request", f"ref:refs/heads/{self._repository.branch}")
        return self._principal(contexts, {"workflow": workflow})

    def _principal(self, contexts: Sequence[str], claims: Mapping[str, str]) -> iam.IPrincipal:
        repository: GitHubRepository = self._repository
        subjects = [subject for context in contexts for subject in repository.subjects(context)]
        return iam.OpenIdConnectPrincipal(
            self._provider,
            {
                "StringEquals": {
                    f"{ISSUER}:aud": AUDIENCE,
                    f"{ISSUER}:sub": subjects,
                    f"{ISSUER}:repository_id": str(repository.repository_id),
                    **{f"{ISSUER}:{name}": value for name, value in claims.items()},
                }
            },
        )


class ImageRoles(Construct):
    """Roles for jobs on the repository's branch, before anything is deployed.

    `push` reads models and pushes images; `refresh` publishes and judges models and chooses the
    candidate.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        suffix: str,
        trust: GitHubTrust,
        bucket: s3.Bucket,
        repositories: Sequence[ecr.Repository],
    ) -> None:
        super().__init__(scope, id_)
        branch = trust.jobs(f"ref:refs/heads/{project.repository.branch}")
        self.push = iam.Role(
            self,
            "Push",
            role_name=project.image_role("push", suffix),
            assumed_by=branch,
            description="GitHub: read models, push images",
        )
        for repository in repositories:
            repository.grant_pull_push(self.push)
            # To find an image by its tag, and to read the findings of its scan.
            repository.grant(self.push, "ecr:DescribeImages", "ecr:DescribeImageScanFindings")
        # In an account with Amazon Inspector ECR asks Inspector, with the caller's permissions.
        inspector = ["inspector2:ListCoverage", "inspector2:ListFindings"]
        reason = "ECR's login and Inspector's findings have no resource-level permissions."
        allow(self.push, inspector, "*", reason=reason)
        self.refresh = iam.Role(
            self,
            "Refresh",
            role_name=project.image_role("refresh", suffix),
            assumed_by=branch,
            description="GitHub: publish models, judge them, choose the candidate, report drift",
            max_session_duration=JUDGING,
        )
        allow(
            self.refresh,
            ["cloudwatch:PutMetricData"],
            "*",
            conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            reason="Metrics have no resource-level permissions; a condition limits the namespace.",
        )
        for role in (self.push, self.refresh):
            grant_registry_read(role, bucket)
        grant_registry_write(self.refresh, bucket, REFRESHED)


def grant_registry_read(role: iam.Role, bucket: s3.Bucket) -> None:
    """Let a role read all models."""
    reason = "Every model of the registry may be read."
    allow(role, ["s3:GetObject"], bucket.arn_for_objects("*"), reason=reason)
    allow(role, ["s3:ListBucket"], bucket.bucket_arn)


def grant_registry_write(role: iam.Role, bucket: s3.Bucket, keys: Sequence[str]) -> None:
    """Let a role write, but not delete, objects whose keys match patterns."""
    objects = [bucket.arn_for_objects(key) for key in keys]
    allow(role, ["s3:PutObject"], *objects, reason="Keys of one kind, of models under any name.")
