"""Log groups and buckets, kept or deleted with the data of their stage."""

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.configuration.stage import StageConfiguration


def log_group(
    scope: Construct, id_: str, *, stage: StageConfiguration, service: str = ""
) -> logs.LogGroup:
    """Return a log group with the retention of the stage.

    CloudFormation names it, so that a retained one does not collide with that of the next stack.
    `service` writes to it by the account's one resource policy, which is full after some groups
    unless their names begin as AWS says. The stack's random id then makes the name unique.
    """
    stack = cdk.Stack.of(scope)
    unique = cdk.Fn.select(2, cdk.Fn.split("/", stack.stack_id))
    group = logs.LogGroup(
        scope,
        id_,
        log_group_name=f"/aws/vendedlogs/{service}/{stack.stack_name}-{unique}"
        if service
        else None,
        removal_policy=removal_policy(stage.retain_data),
    )
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = stage.log_retention_days
    return group


def removal_policy(retain: bool) -> cdk.RemovalPolicy:
    """Return the removal policy of data.

    Retained data is deleted if the creation of its stack fails, so that its name is free again.
    """
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
    """Return the bucket of a construct: encrypted, TLS only, private, objects owned by the account.

    `retain` keeps it when its stack is deleted. `without_access_log` is the reason for having no
    access log. Without a `name`, CloudFormation chooses one.
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
    """Return a rule that deletes parts of incomplete uploads after a number of days."""
    return s3.LifecycleRule(
        id="forget-what-never-arrived",
        abort_incomplete_multipart_upload_after=cdk.Duration.days(days),
    )
