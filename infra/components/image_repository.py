"""Where images lie: pushed once under a tag that never moves, run by digest."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.log_group import removal_policy
from infra.configuration.project import ProjectConfiguration


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
