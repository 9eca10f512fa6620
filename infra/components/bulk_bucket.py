"""Where files to be scored are laid down, and where what came of them is found."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.log_group import removal_policy
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.stage import StageConfiguration


class BulkBucket(Construct):
    """Encrypted, by TLS only, closed to the public, and forgetful: texts do not stay."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy(stage.retain_data),
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget",
                    expiration=cdk.Duration.days(bulk.keep_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "Only the state machine's role reaches it beside those who start it, and its history "
            "tells what it read and wrote.",
        )
