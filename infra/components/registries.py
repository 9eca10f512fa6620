"""Registries of an account: the bucket of models and the ECR repositories of images."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.storage import abort_uploads, private_bucket, removal_policy
from infra.configuration.project import ProjectConfiguration


class ModelBucket(Construct):
    """Bucket of the model registry, versioned: model versions, aliases, verdicts and releases."""

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
                "Only this stack's roles have access, replaced objects are kept, and every alias "
                "records when and why it moved; CloudTrail, where enabled, records the rest."
            ),
        )


class ImageRepository(Construct):
    """ECR repository with immutable tags, which scans images on push.

    Images deployed to a stage have a tag `<stage>-<time>-...` and a count of their own, so that no
    number of builds expires the image that a stage runs. `stages` begins with the most important.
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
                        # With the year, since a stage's name may begin with another's and a hyphen.
                        tag_pattern_list=[f"{stage}-20*"],
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

    def grant_lambda_pull(self, *, project: ProjectConfiguration) -> None:
        """Let Lambda pull images, for the functions of the project alone."""
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
