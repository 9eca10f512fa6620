"""Base class of a stage's stacks."""

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components.limits import Limit
from infra.configuration.deployment import Deployment


class StageStack(cdk.Stack):
    """Stack of one part of a stage, in the stage's account and region.

    `limits` and `graphs` are for the watch stack's alarms and its dashboard.
    """

    limits: Sequence[Limit] = ()
    graphs: Sequence[Sequence[cloudwatch.IWidget]] = ()

    def __init__(
        self, scope: Construct, deployment: Deployment, part: str, **properties: Any
    ) -> None:
        stage = deployment.stage
        env = cdk.Environment(account=stage.account or None, region=stage.region)
        super().__init__(scope, deployment.stack(part), env=env, **properties)
