"""That GitHub says who a job is, and which jobs are let in."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.metrics import NAMESPACE
from infra.components.rollout import ROLLOUT_ALARMS
from infra.components.storage import removal_policy
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.stage import StageConfiguration

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class GitHubTrust(Construct):
    """The account's one OIDC provider for GitHub: made here, or the one that is there already."""

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
        """Jobs of the project's repository, from its branch and in one of these contexts.

        contexts: `ref:refs/heads/B`, or `environment:E`, which has no branch in it; hence the
        branch is asked for by itself, and so is the repository's number: a name may come to belong
        to someone else, a number does not.
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


# What a refresh writes: new versions, what it thinks of them, that it looked, and which is the
# candidate. It moves nothing that is served.
JUDGED = ("*/versions/*", "*/verdicts/*", "*/looks/last.json", "*/aliases/candidate.json")


class ImageRoles(Construct):
    """Two roles for jobs of the repository's branch: `push` of images, `refresh` of models."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        trust: GitHubTrust,
        bucket: s3.Bucket,
        repositories: Sequence[ecr.Repository],
    ) -> None:
        super().__init__(scope, id_)
        branch = trust.jobs(f"ref:refs/heads/{project.repository.branch}")
        self.push = iam.Role(
            self,
            "Push",
            role_name=f"{project.name}-push",
            assumed_by=branch,
            description="GitHub: read models, push images",
        )
        for repository in repositories:
            repository.grant_pull_push(self.push)
            # Whether an image is there already, by which digest, and what the scan found in it.
            repository.grant(self.push, "ecr:DescribeImages", "ecr:DescribeImageScanFindings")
        # Where the account has Amazon Inspector, ECR asks that on behalf of whoever calls.
        inspector = ["inspector2:ListCoverage", "inspector2:ListFindings"]
        self.push.add_to_policy(iam.PolicyStatement(actions=inspector, resources=["*"]))
        acknowledge(
            self.push,
            "AwsSolutions-IAM5[Resource::*]",
            "Logging in to ECR and reading Inspector's findings know no resources.",
        )
        self.refresh = iam.Role(
            self,
            "Refresh",
            role_name=f"{project.name}-refresh",
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
            "Metrics are no resources; the namespace is what they are told apart by.",
        )
        for role in (self.push, self.refresh):
            read_registry(role, bucket)
        write_registry(self.refresh, bucket, JUDGED)


def read_registry(role: iam.Role, bucket: s3.Bucket) -> None:
    """Let a role read all models."""
    objects = bucket.arn_for_objects("*")
    role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects]))
    role.add_to_policy(
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
    )
    acknowledge_wildcard(role, objects, "Every model of the registry may be read.")


def write_registry(role: iam.Role, bucket: s3.Bucket, keys: Sequence[str]) -> None:
    """Let a role write objects whose keys are of these forms. It can delete none."""
    objects = [bucket.arn_for_objects(key) for key in keys]
    role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=objects))
    for each in objects:
        acknowledge_wildcard(role, each, "Keys of one kind; models have whatever names they have.")


# Of `cdk bootstrap`: one to ask CloudFormation, one to upload templates, one to look.
BOOTSTRAP = ("deploy", "file-publishing", "lookup")


class DeployRole(Construct):
    """A role for the jobs of a stage's environments on GitHub.

    It makes nothing itself: it asks through the roles of the bootstrap, reads what became of it,
    tags the image that is live, and records the release.
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
        name = f"{project.name}-{stage.name}"
        self.role = iam.Role(
            self,
            "Role",
            role_name=f"{name}-deploy",
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
                for role in BOOTSTRAP
            ),
        )
        self._allow(
            ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"],
            *(repository.repository_arn for repository in repositories),
        )
        self._look(stack, project, stage)
        read_registry(self.role, bucket)
        records = [f"releases/{stage.name}/*"]
        moves = ["*/aliases/production.json"] if stage.moves_production else []
        write_registry(self.role, bucket, records + moves)

    def _allow(self, actions: Sequence[str], *resources: str) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )

    def _look(
        self, stack: cdk.Stack, project: ProjectConfiguration, stage: StageConfiguration
    ) -> None:
        """What became of a deployment: stacks, the canary and its alarms, what is live."""
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
        self._allow(
            ["cloudwatch:DescribeAlarms"],
            *(arn("cloudwatch", "alarm", f"{name}-{alarm}") for alarm in ROLLOUT_ALARMS),
        )
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
        reasons = {
            stacks[
                0
            ]: "The stacks of this stage alone; behind their names stands a number of AWS's.",
            stacks[1]: "This one stack; behind its name stands a number of AWS's.",
        }
        if stage.api.auth == "iam":
            api = stack.format_arn(
                service="execute-api", resource="*", resource_name="$default/*/*"
            )
            self._allow(["execute-api:Invoke"], api)
            reasons[api] = "The API's id is not known before it is there; it is only called."
        for resource, reason in reasons.items():
            acknowledge_wildcard(self.role, resource, reason)
