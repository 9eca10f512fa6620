"""How lines of the prediction log come from CloudWatch Logs to S3."""

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.storage import abort_uploads, log_group, private_bucket
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

LINES, ERRORS = "predictions/", "errors/"


class PredictionBucket(Construct):
    """Private. Lines are forgotten after their term; what people lay beside them, such as a log of
    good traffic to compare with, stays.

    location: what `scripts.drift --log` takes.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        predictions: PredictionsConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        term = cdk.Duration.days(predictions.retention_days)
        self.bucket = private_bucket(
            self,
            retain=stage.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(id="forget-lines", prefix=LINES, expiration=term),
                s3.LifecycleRule(id="forget-errors", prefix=ERRORS, expiration=term),
                abort_uploads(days=1),
            ],
            without_access_log=(
                "One role writes to it and one reads it; CloudTrail tells who else did where it "
                "is on."
            ),
        )
        self.location = f"s3://{self.bucket.bucket_name}/{LINES.rstrip('/')}"

    def let_drift_read(self, project: ProjectConfiguration) -> None:
        """Let the workflow that looks for drift list and read it, by the role of the foundation
        that it has anyway."""
        role = iam.Role.from_role_name(self, "Drift", f"{project.name}-refresh")
        objects = self.bucket.arn_for_objects("*")
        for action, resource in (
            ("s3:GetObject", objects),
            ("s3:ListBucket", self.bucket.bucket_arn),
        ):
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        acknowledge_wildcard(role, objects, "Every line may be read, and what lies beside them.")


KEY_SETTING = "PREDICTION_LOG_KEY"
KEY_CHARACTERS = 64


class PredictionKey(Construct):
    """A key that Secrets Manager makes, and nobody has to see. It goes with its stack: then no
    digest of a retained log can be told from a guess any more."""

    def __init__(self, scope: Construct, id_: str, *, stage: str) -> None:
        super().__init__(scope, id_)
        self._secret = secretsmanager.Secret(
            self,
            "Secret",
            description=f"Key of the digests in the prediction log, stage {stage}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=KEY_CHARACTERS, exclude_punctuation=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            self._secret,
            "AwsSolutions-SMG4",
            "With another key the same text has another digest, and the log falls in two.",
        )

    def of_function(self) -> dict[str, str]:
        """For a Lambda, whose code asks no service: CloudFormation puts it in the place of a
        reference. Whoever may read the function's configuration can read it there."""
        return {KEY_SETTING: self._secret.secret_value.unsafe_unwrap()}

    def of_container(self) -> dict[str, ecs.Secret]:
        """For a container: ECS reads it when a task starts, and the definition names it alone."""
        return {KEY_SETTING: ecs.Secret.from_secrets_manager(self._secret)}


BUFFERED = cdk.Duration.minutes(5)
BUFFER = cdk.Size.mebibytes(5)


class PredictionStream(Construct):
    """A delivery stream that takes CloudWatch's batches apart into the lines that were printed.

    stream: of Firehose. writer: the role by which CloudWatch Logs writes to it, and nowhere else.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        bucket: s3.Bucket,
    ) -> None:
        super().__init__(scope, id_)
        log = log_group(self, "Log", stage=stage)
        role = self._role()
        delivery = _may_deliver(role, bucket, log)
        self.stream = firehose.DeliveryStream(
            self,
            "Stream",
            delivery_stream_name=project.predictions(stage.name),
            encryption=firehose.StreamEncryption.aws_owned_key(),
            destination=firehose.S3Bucket(
                bucket,
                data_output_prefix=f"{LINES}!{{timestamp:yyyy/MM/dd/HH}}/",
                error_output_prefix=(
                    f"{ERRORS}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd}}/"
                ),
                compression=firehose.Compression.GZIP,
                buffering_interval=BUFFERED,
                buffering_size=BUFFER,
                processors=[
                    firehose.DecompressionProcessor(),
                    firehose.CloudWatchLogProcessor(data_message_extraction=True),
                    firehose.AppendDelimiterToRecordProcessor(),
                ],
                logging_config=firehose.EnableLogging(log),
                # The CDK would let it read and delete whatever lies in the bucket.
                role=role.without_policy_updates(),
            ),
        )
        self.stream.node.add_dependency(delivery)
        self.writer = self._writer()
        self.stream.grant_put_records(self.writer)

    def _role(self) -> iam.Role:
        """Of the delivery. By the account as external id Firehose acts for nobody else."""
        return iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"sts:ExternalId": cdk.Stack.of(self).account}},
            ),
            description="Firehose: write lines of the prediction log",
        )

    def _writer(self) -> iam.Role:
        log_groups = cdk.Stack.of(self).format_arn(service="logs", resource="*")
        return iam.Role(
            self,
            "Writer",
            assumed_by=iam.ServicePrincipal(
                "logs.amazonaws.com", conditions={"ArnLike": {"aws:SourceArn": log_groups}}
            ),
            description="CloudWatch Logs: forward lines of the prediction log",
        )


def _may_deliver(role: iam.Role, bucket: s3.Bucket, log: logs.LogGroup) -> iam.Policy:
    """What AWS names for a delivery to S3, on the two prefixes that it writes."""
    objects = [bucket.arn_for_objects(f"{prefix}*") for prefix in (LINES, ERRORS)]
    policy = iam.Policy(role, "Delivery", roles=[role])
    for actions, resources in (
        (["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], objects),
        (
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            [bucket.bucket_arn],
        ),
        (["logs:PutLogEvents"], [log.log_group_arn]),
    ):
        policy.add_statements(iam.PolicyStatement(actions=actions, resources=resources))
    for each in objects:
        acknowledge_wildcard(role, each, "Files of one kind, named by their hour.")
    return policy


KINDS = ("prediction", "feedback")


def subscribe_predictions(
    scope: Construct,
    *,
    log_group: logs.ILogGroup,
    stream: firehose.IDeliveryStream,
    writer: iam.IRole,
) -> None:
    """Forward what has `"log": "prediction"` or `"feedback"`; all other lines stay where they are.

    writer: the role that may write to the stream.
    """
    logs.SubscriptionFilter(
        scope,
        "Predictions",
        log_group=log_group,
        filter_name="predictions",
        filter_pattern=logs.FilterPattern.any(
            *(logs.FilterPattern.string_value("$.log", "=", kind) for kind in KINDS)
        ),
        destination=destinations.FirehoseDestination(stream, role=writer),
    )
