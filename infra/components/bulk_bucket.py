"""Where files to be scored are laid down, and where what came of them is found."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.private_bucket import private_bucket
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.stage import StageConfiguration


class BulkBucket(Construct):
    """Private and forgetful: texts do not stay."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        bulk: BulkConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        self.bucket = private_bucket(
            self,
            retain=stage.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget",
                    expiration=cdk.Duration.days(bulk.keep_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            without_access_log=(
                "Only the state machine's role reaches it beside those who start it, and its "
                "history tells what it read and wrote."
            ),
        )
