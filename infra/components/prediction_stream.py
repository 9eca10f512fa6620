"""How lines of the prediction log come from CloudWatch Logs to S3."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge_wildcard
from infra.components.log_group import log_group
from infra.components.prediction_bucket import ERRORS, LINES
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

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
