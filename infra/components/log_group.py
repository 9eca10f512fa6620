"""Log groups: every one has a term, and goes or stays with the stage's data."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.configuration.stage import StageConfiguration


def log_group(scope: Construct, id_: str, *, stage: StageConfiguration) -> logs.LogGroup:
    """A log group that keeps lines as long as the stage says.

    CloudFormation names it: one that outlived its stack is not in the way of the next.
    """
    group = logs.LogGroup(scope, id_, removal_policy=removal_policy(stage.retain_data))
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = stage.log_retention_days
    return group


def removal_policy(retain: bool) -> cdk.RemovalPolicy:
    """What becomes of data when its stack goes. What is retained goes all the same where its stack
    could not be made, or its name would be taken at the next try."""
    return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else cdk.RemovalPolicy.DESTROY
