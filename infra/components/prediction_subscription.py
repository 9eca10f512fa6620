"""Which lines of a log group are the prediction log's, and that they are forwarded."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_logs_destinations as destinations
from constructs import Construct

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
