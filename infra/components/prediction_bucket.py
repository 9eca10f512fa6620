"""Where the prediction log lies, an hour a folder, and who may read it."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledged import acknowledge_wildcard
from infra.components.private_bucket import abort_uploads, private_bucket
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

LINES, ERRORS = "predictions/", "errors/"


class PredictionBucket(Construct):
    """Private. Lines are forgotten after their term; what people lay beside them, such as a log of
    good traffic to compare with, stays.

    location: what `scripts.drift --log` takes.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        predictions: PredictionsConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        term = cdk.Duration.days(predictions.retention_days)
        self.bucket = private_bucket(
            self,
            retain=stage.retain_data,
            lifecycle_rules=[
                s3.LifecycleRule(id="forget-lines", prefix=LINES, expiration=term),
                s3.LifecycleRule(id="forget-errors", prefix=ERRORS, expiration=term),
                abort_uploads(days=1),
            ],
            without_access_log=(
                "One role writes to it and one reads it; CloudTrail tells who else did where it "
                "is on."
            ),
        )
        self.location = f"s3://{self.bucket.bucket_name}/{LINES.rstrip('/')}"

    def let_drift_read(self, project: ProjectConfiguration) -> None:
        """Let the workflow that looks for drift list and read it, by the role of the foundation
        that it has anyway."""
        role = iam.Role.from_role_name(self, "Drift", f"{project.name}-refresh")
        objects = self.bucket.arn_for_objects("*")
        for action, resource in (
            ("s3:GetObject", objects),
            ("s3:ListBucket", self.bucket.bucket_arn),
        ):
            role.add_to_principal_policy(
                iam.PolicyStatement(actions=[action], resources=[resource])
            )
        acknowledge_wildcard(role, objects, "Every line may be read, and what lies beside them.")
