"""The registry's bucket: every version of every model, and what each alias points at."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.private_bucket import abort_uploads, private_bucket
from infra.configuration.project import ProjectConfiguration


class ModelBucket(Construct):
    """Private and versioned."""

    def __init__(self, scope: Construct, id_: str, *, project: ProjectConfiguration) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        self.bucket = private_bucket(
            self,
            name=f"{project.name}-models-{stack.account}-{stack.region}",
            versioned=True,
            retain=project.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="forget-what-was-replaced",
                    noncurrent_version_expiration=cdk.Duration.days(project.noncurrent_days),
                    expired_object_delete_marker=True,
                ),
                abort_uploads(days=7),
            ],
            without_access_log=(
                "Only the roles of this stack reach it, each change leaves the version before, and "
                "every alias records when and why it moved; CloudTrail tells the rest where it is "
                "on."
            ),
        )
