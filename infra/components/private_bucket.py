"""Buckets: each is private, and goes or stays with the data of its stage."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.log_group import removal_policy


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
