"""Bulk scoring: the bucket of files, the function and the state machine."""

from functools import partial

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.components.acknowledged import acknowledge, actions, allow
from infra.components.bulk_states import INCOMING, LIVE, RESULTS, definition
from infra.components.context import free_concurrency
from infra.components.inference_function import ARCHITECTURES, MODELS_DIR, inference_role
from infra.components.storage import log_group, private_bucket
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.deployment import Deployment
from infra.configuration.stage import StageConfiguration

BATCH_TIMEOUT = cdk.Duration.seconds(120)
WINDOWS_PER_TEXT = 16  # an artifact's default maximum
WILDCARDS = "Files, versions and runs of one kind, under any name."


def bulk_bucket(
    scope: Construct, *, stage: StageConfiguration, bulk: BulkConfiguration
) -> s3.Bucket:
    """Return the bucket of the files to score, under `in/`, and of the results, under `out/`.

    S3 deletes both after `keep_days`.
    """
    forget = s3.LifecycleRule(
        id="forget",
        expiration=cdk.Duration.days(bulk.keep_days),
        abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
    )
    return private_bucket(
        scope,
        retain=stage.retain_data,
        lifecycle_rules=[forget],
        without_access_log=(
            "Only the state machine's role and those who start runs have access; the history of a "
            "run has what it read and wrote."
        ),
    )


class BulkFunction(Construct):
    """Lambda function that scores batches, apart from the stage's own, whose callers wait.

    A run calls one of its versions, which are kept. Its alias `live` is the newest.
    It runs the same image, by its `digest`, `sha256:...`. IAM decides who may call it, since the
    state machine has no key. MAX_WINDOWS admits as many windows as the texts of a batch can have.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        bulk: BulkConfiguration,
        digest: str,
    ) -> None:
        super().__init__(scope, id_)
        project, stage = deployment
        log = log_group(self, "Log", stage=stage)
        role = inference_role(self)
        repository = ecr.Repository.from_repository_name(
            self, "Repository", project.function_repository
        )
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=deployment.bulk,
            description=f"Bulk scoring, stage {stage.name}",
            code=lambda_.DockerImageCode.from_ecr(repository, tag_or_digest=digest),
            architecture=ARCHITECTURES[stage.function.architecture],
            memory_size=bulk.memory_megabytes,
            timeout=BATCH_TIMEOUT,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log,
            role=role,
            environment={
                "MODELS_DIR": MODELS_DIR,
                "DEFAULT_MODEL": stage.function.default_model,
                "SERVICE": deployment.bulk,
                "AUTH": "iam",
                **stage.function.environment,
                "MAX_TEXTS": str(bulk.batch_texts),
                "MAX_WINDOWS": str(WINDOWS_PER_TEXT * bulk.batch_texts),
                "MAX_SECONDS": str(BATCH_TIMEOUT.to_seconds()),
            },
            current_version_options=lambda_.VersionOptions(
                removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
        )
        lambda_.Alias(self, "Live", alias_name=LIVE, version=self.function.current_version)
        log.grant_write(role)


class BulkMachine(Construct):
    """State machine that reads files, calls the function and writes results.

    Its log has every step, without input and output.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        bulk: BulkConfiguration,
        bucket: s3.Bucket,
        function: lambda_.Function,
    ) -> None:
        super().__init__(scope, id_)
        stage = deployment.stage
        stack = cdk.Stack.of(self)
        name = deployment.bulk
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
            description="Bulk scoring: read files, call the function, write results",
        )
        states = definition(
            bulk,
            batches=bulk.batches_at_a_time(free_concurrency(self)),
            partition=stack.partition,
            function=function.function_arn,
            bucket=bucket.bucket_name,
        )
        self._allow = partial(allow, self._role, reason=WILDCARDS)
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=stepfunctions.DefinitionBody.from_string(stack.to_json_string(states)),
            role=self._role,
            logs=stepfunctions.LogOptions(
                destination=log_group(self, "Log", stage=stage, service="states"),
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=False,
            ),
            tracing_enabled=True,
        )
        self._allow(["s3:GetObject"], bucket.arn_for_objects(f"{INCOMING}*"))
        results = bucket.arn_for_objects(f"{RESULTS}*")
        write = "AbortMultipartUpload GetObject ListMultipartUploadParts PutObject"
        self._allow(actions("s3", write), results)
        self._allow(["lambda:GetAlias"], function.function_arn, f"{function.function_arn}:{LIVE}")
        self._allow(["lambda:InvokeFunction"], f"{function.function_arn}:*")
        self._allow_child_runs(stack, name)
        acknowledge(
            self._role,
            "AwsSolutions-IAM5[Resource::*]",
            "Log delivery and X-Ray have no resource-level permissions.",
        )

    def _allow_child_runs(self, stack: cdk.Stack, name: str) -> None:
        """Let the distributed map start and manage executions of its own machine."""

        def arn(resource: str, resource_name: str) -> str:
            return stack.format_arn(
                service="states",
                resource=resource,
                resource_name=resource_name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        self._allow(["states:StartExecution"], arn("stateMachine", name))
        self._allow(
            ["states:DescribeExecution", "states:StopExecution"], arn("execution", f"{name}:*")
        )
        self._allow(["states:RedriveExecution"], arn("execution", f"{name}/*"))
