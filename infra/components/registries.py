"""The registry's bucket: every version of every model, and what each alias points at."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.storage import abort_uploads, private_bucket, removal_policy
from infra.configuration.project import ProjectConfiguration


class ModelBucket(Construct):
    """Private and versioned."""

    def __init__(self, scope: Construct, id_: str, *, project: ProjectConfiguration) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        self.bucket = private_bucket(
            self,
            name=f"{project.name}-models-{stack.account}-{stack.region}",
            versioned=True,
            retain=project.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget-what-was-replaced",
                    noncurrent_version_expiration=cdk.Duration.days(project.noncurrent_days),
                    expired_object_delete_marker=True,
                ),
                abort_uploads(days=7),
            ],
            without_access_log=(
                "Only the roles of this stack reach it, each change leaves the version before, and "
                "every alias records when and why it moved; CloudTrail tells the rest where it is "
                "on."
            ),
        )


class ImageRepository(Construct):
    """A repository that scans what is pushed and keeps what may be needed again.

    stages: names, most precious first. What was deployed to a stage bears a tag `<stage>-...` and
    is counted apart, so that no number of builds pushes out the image that a stage runs.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        name: str,
        stages: Sequence[str],
    ) -> None:
        super().__init__(scope, id_)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            removal_policy=removal_policy(project.retain_data),
            empty_on_delete=not project.retain_data,
            lifecycle_rules=[
                *(
                    ecr.LifecycleRule(
                        rule_priority=priority,
                        description=f"what was deployed to {stage}: the last {project.kept_images}",
                        tag_prefix_list=[f"{stage}-"],
                        max_image_count=project.kept_images,
                    )
                    for priority, stage in enumerate(stages, start=1)
                ),
                ecr.LifecycleRule(
                    rule_priority=len(stages) + 1,
                    description=f"what was only built: the last {project.kept_images}",
                    tag_status=ecr.TagStatus.ANY,
                    max_image_count=project.kept_images,
                ),
            ],
        )

    def let_lambda_pull(self, *, project: ProjectConfiguration) -> None:
        """Let Lambda fetch images for the functions of the project, and for no others."""
        stack = cdk.Stack.of(self)
        functions = stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{project.name}-*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self.repository.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LambdaECRImageRetrievalPolicy",
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                conditions={"ArnLike": {"aws:SourceArn": functions}},
            )
        )
