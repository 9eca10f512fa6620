"""The Lambda that scores batches: the same image, called by the state machine alone."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.inference_function import ARCHITECTURES, MODELS_DIR, inference_role
from infra.components.log_group import log_group
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

TIMEOUT = cdk.Duration.seconds(120)
WINDOWS_OF_A_TEXT = 16  # at most, of what artifacts allow by default


class BulkFunction(Construct):
    """A function beside the stage's own, so that files take nothing from callers who wait.

    It asks for no key, which the state machine has not: IAM says who may call it. Of a batch it
    reads as many windows as its texts can have. function: it. digest: `sha256:...` of an image in
    the function's repository.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
        digest: str,
    ) -> None:
        super().__init__(scope, id_)
        log = log_group(self, "Log", stage=stage)
        role = inference_role(self)
        repository = ecr.Repository.from_repository_name(
            self, "Repository", project.function_repository
        )
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=project.bulk(stage.name),
            description=f"Bulk scoring, stage {stage.name}",
            code=lambda_.DockerImageCode.from_ecr(repository, tag_or_digest=digest),
            architecture=ARCHITECTURES[stage.function.architecture],
            memory_size=bulk.memory_megabytes,
            timeout=TIMEOUT,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log,
            role=role,
            environment={
                "MODELS_DIR": MODELS_DIR,
                "DEFAULT_MODEL": stage.function.default_model,
                "SERVICE": project.bulk(stage.name),
                "AUTH": "iam",
                **stage.function.environment,
                "MAX_TEXTS": str(bulk.batch_texts),
                "MAX_WINDOWS": str(WINDOWS_OF_A_TEXT * bulk.batch_texts),
            },
        )
        log.grant_write(role)
