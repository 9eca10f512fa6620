"""Stack of a stage's prediction log, deployed before anything writes to it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.dashboard import graph
from infra.components.limits import AT_LEAST, Limit
from infra.components.metrics import ServiceMetrics
from infra.components.prediction_log import (
    PredictionBucket,
    PredictionKey,
    PredictionStream,
    subscribe_predictions,
)
from infra.configuration.deployment import Deployment
from infra.configuration.predictions import PredictionsConfiguration
from infra.stacks.stage import StageStack

HOUR = cdk.Duration.hours(1)
LATE_MINUTES = 30


class PredictionsStack(StageStack):
    """Bucket, delivery stream and key of the digests.

    `reader` names the role that may read the log. `settings` are the application's, without the
    key.
    """

    def __init__(
        self,
        scope: Construct,
        deployment: Deployment,
        *,
        predictions: PredictionsConfiguration,
        reader: str,
    ) -> None:
        super().__init__(scope, deployment, "predictions")
        stage = deployment.stage
        bucket = PredictionBucket(self, "Lines", stage=stage, predictions=predictions)
        bucket.grant_drift_read(reader)
        self._delivery = PredictionStream(
            self, "Delivery", deployment=deployment, bucket=bucket.bucket
        )
        self.key = PredictionKey(self, "Key", stage=stage.name)
        self.settings = {
            "PREDICTION_LOG": "true",
            "FEEDBACK_TEXT": str(predictions.feedback_text).lower(),
        }
        stream = self._delivery.stream
        age = stream.metric("DeliveryToS3.DataFreshness", statistic="Maximum")
        self.limits = [
            Limit(
                "log-late",
                f"Lines of the prediction log wait for more than {LATE_MINUTES} minutes.",
                age,
                60 * LATE_MINUTES,
            ),
            _missing_lines(deployment, stream),
        ]
        self.graphs = [
            [
                graph(
                    "Prediction log: batches of lines",
                    stream.metric_incoming_records(statistic="Sum", label="forwarded"),
                    stream.metric("DeliveryToS3.Records", statistic="Sum", label="written"),
                ),
                graph(
                    "Prediction log: bytes",
                    stream.metric_incoming_bytes(statistic="Sum", label="forwarded, gzipped"),
                    stream.metric("DeliveryToS3.Bytes", statistic="Sum", label="written, gzipped"),
                ),
                graph("Prediction log: the oldest line that waits (s)", age),
            ]
        ]
        cdk.CfnOutput(self, "PredictionLog", value=bucket.location)
        cdk.CfnOutput(self, "PredictionBucket", value=bucket.bucket.bucket_name)

    def collect(self, scope: Construct, log_group: logs.ILogGroup) -> None:
        """Forward the lines of a log group; `scope` is in the stack of the group."""
        subscribe_predictions(
            scope, log_group=log_group, stream=self._delivery.stream, writer=self._delivery.writer
        )


def _missing_lines(deployment: Deployment, stream: firehose.DeliveryStream) -> Limit:
    """Return the limit of hours with responses and without lines in the stream.

    Lines lost before the stream are neither late nor an error anywhere.
    """
    stage = deployment.stage
    texts = ServiceMetrics(deployment.name).model_metric(
        stage.function.default_model, "texts", "Sum", period=HOUR
    )
    silent = cloudwatch.MathExpression(
        expression="IF(texts > 0, IF(FILL(lines, 0) > 0, 0, 1), 0)",
        using_metrics={
            "texts": texts,
            "lines": stream.metric_incoming_records(statistic="Sum", period=HOUR),
        },
        label="hours with answers and no line of them",
        period=HOUR,
    )
    return Limit(
        "log-silent",
        "The function answers, and no line of the prediction log has come for two hours.",
        silent,
        1,
        operator=AT_LEAST,
        periods=2,
    )
