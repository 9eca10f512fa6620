"""IAM roles of GitHub's jobs, and the OIDC provider by which AWS knows the jobs."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.metrics import NAMESPACE
from infra.components.storage import removal_policy
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.stage import StageConfiguration

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
# Keys that a refresh writes: versions, verdicts, the record of the check, the candidate. It changes
# nothing that is served.
REFRESHED = ("*/versions/*", "*/verdicts/*", "*/looks/last.json", "*/aliases/candidate.json")
# Roles of `cdk bootstrap`: for CloudFormation, for uploading templates, for lookups.
BOOTSTRAP_ROLES = ("deploy", "file-publishing", "lookup")


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

    def jobs(self, *contexts: str) -> iam.IPrincipal:
        """Return the repository's jobs on its branch, in `ref:refs/heads/B` or `environment:E`.

        The branch is a condition of its own, since the subject of an environment has none. So is
        the repository's number, since a name can pass to another owner.
        """
        repository: GitHubRepository = self._repository
        subjects = [subject for context in contexts for subject in repository.subjects(context)]
        return iam.OpenIdConnectPrincipal(
            self._provider,
            {
                "StringEquals": {
                    f"{ISSUER}:aud": AUDIENCE,
                    f"{ISSUER}:sub": subjects,
                    f"{ISSUER}:repository_id": str(repository.repository_id),
                    f"{ISSUER}:ref": f"refs/heads/{repository.branch}",
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
        self.push.add_to_policy(iam.PolicyStatement(actions=inspector, resources=["*"]))
        acknowledge(
            self.push,
            "AwsSolutions-IAM5[Resource::*]",
            "ECR's login and Inspector's findings have no resource-level permissions.",
        )
        self.refresh = iam.Role(
            self,
            "Refresh",
            role_name=project.image_role("refresh", suffix),
            assumed_by=branch,
            description="GitHub: publish models, judge them, choose the candidate, tell of drift",
        )
        self.refresh.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            )
        )
        acknowledge(
            self.refresh,
            "AwsSolutions-IAM5[Resource::*]",
            "Metrics have no resource-level permissions; a condition limits the namespace.",
        )
        for role in (self.push, self.refresh):
            grant_registry_read(role, bucket)
        grant_registry_write(self.refresh, bucket, REFRESHED)


def grant_registry_read(role: iam.Role, bucket: s3.Bucket) -> None:
    """Let a role read all models."""
    objects = bucket.arn_for_objects("*")
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects]))
    role.add_to_policy(
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
    )
    acknowledge_wildcard(role, objects, "Every model of the registry may be read.")


def grant_registry_write(role: iam.Role, bucket: s3.Bucket, keys: Sequence[str]) -> None:
    """Let a role write, but not delete, objects whose keys match patterns."""
    objects = [bucket.arn_for_objects(key) for key in keys]
    role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=objects))
    for each in objects:
        acknowledge_wildcard(role, each, "Keys of one kind, of models under any name.")


class DeployRole(Construct):
    """Role for jobs in a stage's GitHub environments.

    It deploys through the roles of `cdk bootstrap` and has no permission to create resources. It
    reads the deployment's state, tags the live image and records the release.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        trust: GitHubTrust,
        bucket: s3.Bucket,
        repositories: Sequence[ecr.Repository],
    ) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        self.role = iam.Role(
            self,
            "Role",
            role_name=project.role(stage.name, "deploy"),
            assumed_by=trust.jobs(*(f"environment:{each}" for each in stage.environments)),
            description=f"GitHub: deploy stage {stage.name}",
        )
        self._allow(
            ["sts:AssumeRole"],
            *(
                stack.format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=f"cdk-{cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER}-{role}"
                    f"-role-{stack.account}-{stack.region}",
                )
                for role in BOOTSTRAP_ROLES
            ),
        )
        self._allow(
            ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"],
            *(repository.repository_arn for repository in repositories),
        )
        self._allow_status(stack, project, stage)
        grant_registry_read(self.role, bucket)
        records = [f"releases/{stage.name}/*"]
        moves = ["*/aliases/production.json"] if stage.moves_production else []
        grant_registry_write(self.role, bucket, records + moves)

    def _allow(self, actions: Sequence[str], *resources: str) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )

    def _allow_status(
        self, stack: cdk.Stack, project: ProjectConfiguration, stage: StageConfiguration
    ) -> None:
        """Allow reading a deployment's state: stacks, canary, alarms and live version."""
        name = f"{project.name}-{stage.name}"

        def arn(service: str, resource: str, resource_name: str) -> str:
            return stack.format_arn(
                service=service,
                resource=resource,
                resource_name=resource_name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        stacks = [
            stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{each}/*")
            for each in (f"{name}-*", stack.stack_name)
        ]
        self._allow(["cloudformation:DescribeStacks"], *stacks)
        function = arn("lambda", "function", name)
        self._allow(["lambda:GetAlias", "lambda:GetFunction"], function, f"{function}:live")
        group = arn("codedeploy", "deploymentgroup", f"{name}/{name}")
        self._allow(["codedeploy:ListDeployments", "codedeploy:GetDeployment"], group)
        # By a prefix of their names, for which CloudWatch checks the permission on all alarms.
        alarms = arn("cloudwatch", "alarm", "*")
        self._allow(["cloudwatch:DescribeAlarms"], alarms)
        qualifier = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
        parameters = (project.key_parameter(stage.name), f"/cdk-bootstrap/{qualifier}/version")
        self._allow(
            ["ssm:GetParameter"],
            *(
                stack.format_arn(
                    service="ssm", resource="parameter", resource_name=each.removeprefix("/")
                )
                for each in parameters
            ),
        )
        own, foundation = stacks
        reasons = {
            own: "The stacks of this stage alone; an id of AWS follows their names.",
            foundation: "This one stack; an id of AWS follows its name.",
            alarms: "CloudWatch checks a search by prefix on all alarms; it is only read.",
        }
        if stage.api.auth == "iam":
            api = stack.format_arn(
                service="execute-api", resource="*", resource_name="$default/*/*"
            )
            self._allow(["execute-api:Invoke"], api)
            reasons[api] = "The API's id is unknown before its creation; only calls are allowed."
        for resource, reason in reasons.items():
            acknowledge_wildcard(self.role, resource, reason)
