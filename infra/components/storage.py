"""Log groups: every one has a term, and goes or stays with the stage's data."""

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge
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


def private_bucket(
    scope: Construct,
    *,
    retain: bool,
    lifecycle_rules: Sequence[s3.LifecycleRule],
    without_access_log: str,
    name: str | None = None,
    versioned: bool = False,
) -> s3.Bucket:
    """The bucket of a construct: encrypted, by TLS only, closed to the public, its objects the
    account's own.

    without_access_log: why it needs none. name: None has CloudFormation choose one.
    """
    bucket = s3.Bucket(
        scope,
        "Bucket",
        bucket_name=name,
        versioned=versioned,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        removal_policy=removal_policy(retain),
        lifecycle_rules=lifecycle_rules,
    )
    acknowledge(bucket, "AwsSolutions-S1", without_access_log)
    return bucket


def abort_uploads(days: int) -> s3.LifecycleRule:
    """Parts of an upload that never ended are forgotten after so many days."""
    return s3.LifecycleRule(
        id="forget-what-never-arrived",
        abort_incomplete_multipart_upload_after=cdk.Duration.days(days),
    )
