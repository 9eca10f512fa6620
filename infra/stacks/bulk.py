"""Stack of bulk scoring."""

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.bulk_machine import BulkBucket, BulkFunction, BulkMachine
from infra.components.dashboard import graph
from infra.components.image_digest import image_digest
from infra.components.limits import Limit
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration


class BulkStack(cdk.Stack):
    """Bucket, state machine and function that score files on S3.

    `limits` and `graphs` are for the watch stack's alarms and its dashboard.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
        **properties: Any,
    ) -> None:
        super().__init__(scope, id_, **properties)
        bucket = BulkBucket(self, "Files", stage=stage, bulk=bulk).bucket
        function = BulkFunction(
            self,
            "Scoring",
            project=project,
            stage=stage,
            bulk=bulk,
            digest=image_digest(self, key="function_image"),
        ).function
        machine = BulkMachine(
            self,
            "Bulk",
            project=project,
            stage=stage,
            bulk=bulk,
            bucket=bucket,
            function=function,
        ).machine
        self.limits: Sequence[Limit] = [
            Limit("bulk-failed", "A run of bulk scoring failed.", machine.metric_failed(), 0),
            Limit("bulk-timed-out", "A run took too long.", machine.metric_timed_out(), 0),
        ]
        self.graphs: Sequence[Sequence[cloudwatch.IWidget]] = [
            [
                graph(
                    "Bulk runs",
                    machine.metric_started(),
                    machine.metric_succeeded(),
                    machine.metric_failed(),
                ),
                graph(
                    "Batches",
                    function.metric_invocations(),
                    function.metric_errors(),
                    function.metric_throttles(),
                ),
                graph("Time of a batch (ms)", function.metric_duration(statistic="p99")),
            ]
        ]
        cdk.CfnOutput(self, "BulkBucket", value=bucket.bucket_name)
        cdk.CfnOutput(self, "BulkMachine", value=machine.state_machine_arn)
