"""Prediction log: from a log group through Firehose to S3, and the key of its digests."""

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
from infra.configuration.deployment import Deployment
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.stage import StageConfiguration

KINDS = ("prediction", "feedback")
LINES, ERRORS = "predictions/", "errors/"
BUFFER_TIME = cdk.Duration.minutes(5)
BUFFER_SIZE = cdk.Size.mebibytes(5)
KEY_SETTING = "PREDICTION_LOG_KEY"
KEY_CHARACTERS = 64


class PredictionBucket(Construct):
    """Bucket of the prediction log, with a folder for every hour.

    S3 deletes lines after their retention. Other files stay, such as a reference log put there.
    `location` is the value of `scripts.drift --log`.
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
                "One role writes to it and one reads it; CloudTrail, where enabled, records others."
            ),
        )
        self.location = f"s3://{self.bucket.bucket_name}/{LINES.rstrip('/')}"

    def grant_drift_read(self, reader: str) -> None:
        """Let the drift workflow list and read the bucket, with the foundation's refresh role."""
        role = iam.Role.from_role_name(self, "Drift", reader)
        objects = self.bucket.arn_for_objects("*")
        for action, resource in (
            ("s3:GetObject", objects),
            ("s3:ListBucket", self.bucket.bucket_arn),
        ):
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        acknowledge_wildcard(role, objects, "Every line and every reference log may be read.")


class PredictionKey(Construct):
    """Key of the digests by which equal texts are recognised, without their text.

    Secrets Manager generates it. It is deleted with its stack: without it a guess cannot be checked
    against the digests of a retained log.
    """

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
            "With another key the same text has another digest, which splits the log in two.",
        )

    def function_environment(self) -> dict[str, str]:
        """Return the key as a setting of a Lambda function, which CloudFormation resolves.

        Everyone who may read the function's configuration can read it there.
        """
        return {KEY_SETTING: self._secret.secret_value.unsafe_unwrap()}

    def container_secrets(self) -> dict[str, ecs.Secret]:
        """Return the key as a secret of a container, which ECS reads when a task starts."""
        return {KEY_SETTING: ecs.Secret.from_secrets_manager(self._secret)}


class PredictionStream(Construct):
    """Delivery stream that splits CloudWatch's batches into the printed lines.

    CloudWatch Logs writes to it with the role `writer`.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, bucket: s3.Bucket
    ) -> None:
        super().__init__(scope, id_)
        stage = deployment.stage
        log = log_group(self, "Log", stage=stage)
        role = self._role()
        delivery = _delivery_policy(role, bucket, log)
        self.stream = firehose.DeliveryStream(
            self,
            "Stream",
            delivery_stream_name=f"{deployment.name}-predictions",
            encryption=firehose.StreamEncryption.aws_owned_key(),
            destination=firehose.S3Bucket(
                bucket,
                data_output_prefix=f"{LINES}!{{timestamp:yyyy/MM/dd/HH}}/",
                error_output_prefix=(
                    f"{ERRORS}!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd}}/"
                ),
                compression=firehose.Compression.GZIP,
                buffering_interval=BUFFER_TIME,
                buffering_size=BUFFER_SIZE,
                processors=[
                    firehose.DecompressionProcessor(),
                    firehose.CloudWatchLogProcessor(data_message_extraction=True),
                    firehose.AppendDelimiterToRecordProcessor(),
                ],
                logging_config=firehose.EnableLogging(log),
                # The CDK would add rights to read and delete everything in the bucket.
                role=role.without_policy_updates(),
            ),
        )
        self.stream.node.add_dependency(delivery)
        self.writer = self._writer()
        self.stream.grant_put_records(self.writer)

    def _role(self) -> iam.Role:
        """Return the role of the delivery, whose external id binds Firehose to this account."""
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


def _delivery_policy(role: iam.Role, bucket: s3.Bucket, log: logs.LogGroup) -> iam.Policy:
    """Return the policy that AWS documents for a delivery to S3, for the two prefixes alone."""
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


def subscribe_predictions(
    scope: Construct,
    *,
    log_group: logs.ILogGroup,
    stream: firehose.IDeliveryStream,
    writer: iam.IRole,
) -> None:
    """Forward the lines with `"log": "prediction"` or `"feedback"`, and no others."""
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
