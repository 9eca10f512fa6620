"""What workflows do before anything is deployed: judge models, build images, push them."""

from collections.abc import Sequence

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.github_trust import GitHubTrust
from infra.components.metrics import NAMESPACE
from infra.configuration.project import ProjectConfiguration

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
