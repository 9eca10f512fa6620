"""The state machine of bulk scoring, and what it may do."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.bulk_states import INCOMING, RESULTS, definition
from infra.components.inference_function import ARCHITECTURES, MODELS_DIR, inference_role
from infra.components.storage import log_group, private_bucket
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration


class BulkMachine(Construct):
    """It reads what comes in, calls the one function, writes results, and starts its own batches.

    machine: of Step Functions. Its log tells each step and never what was in it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
        bucket: s3.Bucket,
        function: lambda_.Function,
    ) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        name = project.bulk(stage.name)
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
            partition=stack.partition,
            function=function.function_arn,
            bucket=bucket.bucket_name,
        )
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=stepfunctions.DefinitionBody.from_string(stack.to_json_string(states)),
            role=self._role,
            logs=stepfunctions.LogOptions(
                destination=log_group(self, "Log", stage=stage),
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=False,
            ),
            tracing_enabled=True,
        )
        self._may(["s3:GetObject"], bucket.arn_for_objects(f"{INCOMING}*"))
        results = bucket.arn_for_objects(f"{RESULTS}*")
        self._may(
            [
                "s3:AbortMultipartUpload",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
            results,
        )
        self._may(["lambda:InvokeFunction"], function.function_arn)
        self._may_start_batches(stack, name)
        acknowledge(
            self._role,
            "AwsSolutions-IAM5[Resource::*]",
            "Delivering logs, and X-Ray, know no resources.",
        )

    def _may(self, actions: list[str], *resources: str) -> None:
        self._role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resources)))
        for resource in resources:
            if resource.endswith("*"):
                acknowledge_wildcard(
                    self._role, resource, "Files and runs of one kind, whatever their names."
                )

    def _may_start_batches(self, stack: cdk.Stack, name: str) -> None:
        """A distributed map starts executions of its own machine, and looks after them."""

        def arn(resource: str, resource_name: str) -> str:
            return stack.format_arn(
                service="states",
                resource=resource,
                resource_name=resource_name,
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )

        self._may(["states:StartExecution"], arn("stateMachine", name))
        self._may(
            ["states:DescribeExecution", "states:StopExecution"], arn("execution", f"{name}:*")
        )
        self._may(["states:RedriveExecution"], arn("execution", f"{name}/*"))


class BulkBucket(Construct):
    """Private and forgetful: texts do not stay."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        self.bucket = private_bucket(
            self,
            retain=stage.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget",
                    expiration=cdk.Duration.days(bulk.keep_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            without_access_log=(
                "Only the state machine's role reaches it beside those who start it, and its "
                "history tells what it read and wrote."
            ),
        )


BATCH_TIMEOUT = cdk.Duration.seconds(120)
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
            timeout=BATCH_TIMEOUT,
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
