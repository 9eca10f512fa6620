"""Stack of bulk scoring."""

import aws_cdk as cdk
from constructs import Construct

from infra.components.bulk_machine import BulkFunction, BulkMachine, bulk_bucket
from infra.components.context import image_digest
from infra.components.dashboard import graph
from infra.components.limits import Limit
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.deployment import Deployment
from infra.stacks.stage import StageStack


class BulkStack(StageStack):
    """Bucket, state machine and function that score files on S3."""

    def __init__(
        self, scope: Construct, deployment: Deployment, *, bulk: BulkConfiguration
    ) -> None:
        super().__init__(scope, deployment, "bulk")
        bucket = bulk_bucket(Construct(self, "Files"), stage=deployment.stage, bulk=bulk)
        function = BulkFunction(
            self,
            "Scoring",
            deployment=deployment,
            bulk=bulk,
            digest=image_digest(self, key="function_image"),
        ).function
        machine = BulkMachine(
            self, "Bulk", deployment=deployment, bulk=bulk, bucket=bucket, function=function
        ).machine
        self.limits = [
            Limit("bulk-failed", "A run of bulk scoring failed.", machine.metric_failed(), 0),
            Limit("bulk-timed-out", "A run took too long.", machine.metric_timed_out(), 0),
        ]
        self.graphs = [
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
