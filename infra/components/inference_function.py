"""Lambda function of a stage, its version, its alias `live` and its warm-up schedule."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.context import free_concurrency
from infra.components.storage import log_group
from infra.configuration.deployment import Deployment
from infra.configuration.function import ProvisionedConfiguration
from infra.configuration.stage import StageConfiguration

ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
MODELS_DIR = "/opt/models"  # where Dockerfile.lambda puts them


class InferenceFunction(Construct):
    """Lambda function that runs an image by its digest, `sha256:...`; callers use its alias `live`.

    `environment` has the settings that do not follow from the stage; `version` is the newest.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        digest: str,
        environment: dict[str, str],
    ) -> None:
        super().__init__(scope, id_)
        project, stage = deployment
        configuration = stage.function
        name = deployment.name
        self.log_group = log_group(self, "Log", stage=stage)
        repository = ecr.Repository.from_repository_name(
            self, "Repository", project.function_repository
        )
        role = inference_role(self)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=name,
            description=f"Text inference, stage {stage.name}",
            code=lambda_.DockerImageCode.from_ecr(repository, tag_or_digest=digest),
            architecture=ARCHITECTURES[configuration.architecture],
            memory_size=configuration.memory_megabytes,
            timeout=cdk.Duration.seconds(configuration.timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            log_group=self.log_group,
            role=role,
            reserved_concurrent_executions=stage.reserved_concurrency(free_concurrency(self)),
            snap_start=(
                lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if configuration.snap_start else None
            ),
            environment={
                "MODELS_DIR": MODELS_DIR,
                "DEFAULT_MODEL": configuration.default_model,
                "SERVICE": deployment.name,
                # Refused before it starts, a request costs less than one that times out.
                "MAX_SECONDS": f"{0.85 * configuration.timeout_seconds:.1f}",
                **environment,
                **configuration.environment,
            },
            # With SnapStart every version costs money. Otherwise old ones are free, and a rollback
            # to one takes effect at once.
            current_version_options=lambda_.VersionOptions(
                removal_policy=(
                    cdk.RemovalPolicy.DESTROY
                    if configuration.snap_start
                    else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                )
            ),
        )
        acknowledge(
            self.function,
            "Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
            "Callers use a version, which every change publishes.",
        )
        self.log_group.grant_write(role)
        self.version = self.function.current_version
        provisioned = configuration.provisioned
        always = provisioned if provisioned and not provisioned.start else None
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.version,
            provisioned_concurrent_executions=always.executions if always else None,
        )
        if provisioned and not always:
            _provision_in_hours(self.alias, provisioned)


def _provision_in_hours(alias: lambda_.Alias, provisioned: ProvisionedConfiguration) -> None:
    """Keep executions ready from `start` to `end`, and none otherwise."""
    scaling = alias.add_auto_scaling(min_capacity=0, max_capacity=provisioned.executions)
    for id_, cron, executions in (
        ("Start", provisioned.start, provisioned.executions),
        ("End", provisioned.end, 0),
    ):
        scaling.scale_on_schedule(
            id_,
            schedule=autoscaling.Schedule.expression(cron),
            time_zone=cdk.TimeZone.of(provisioned.time_zone),
            min_capacity=executions,
            max_capacity=executions,
        )


def inference_role(scope: Construct) -> iam.Role:
    """Return a role that may only write the function's traces, and its log once granted."""
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description="What the inference function may do: write its log and its traces",
    )
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "X-Ray's PutTraceSegments and PutTelemetryRecords have no resource-level permissions.",
    )
    return role


def add_warm_up(scope: Construct, *, stage: StageConfiguration, alias: lambda_.Alias) -> None:
    """Add the warm-up schedule: a rule that calls the alias with EventBridge's own event.

    The handler runs its model once and logs the model's age.
    """
    minutes = stage.function.tick_minutes
    # No retry: the next call is as good.
    call = targets.LambdaFunction(alias, retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
    events.Rule(
        scope,
        "Tick",
        description=f"Warms the function every {minutes} minutes; it reports its model's age",
        schedule=events.Schedule.rate(cdk.Duration.minutes(minutes)),
        targets=[call],
    )
