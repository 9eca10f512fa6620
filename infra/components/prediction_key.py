"""The secret by which equal texts are known in the prediction log, and no text is."""

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.acknowledged import acknowledge

SETTING = "PREDICTION_LOG_KEY"
CHARACTERS = 64


class PredictionKey(Construct):
    """A key that Secrets Manager makes, and nobody has to see. It goes with its stack: then no
    digest of a retained log can be told from a guess any more."""

    def __init__(self, scope: Construct, id_: str, *, stage: str) -> None:
        super().__init__(scope, id_)
        self._secret = secretsmanager.Secret(
            self,
            "Secret",
            description=f"Key of the digests in the prediction log, stage {stage}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=CHARACTERS, exclude_punctuation=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            self._secret,
            "AwsSolutions-SMG4",
            "With another key the same text has another digest, and the log falls in two.",
        )

    def of_function(self) -> dict[str, str]:
        """For a Lambda, whose code asks no service: CloudFormation puts it in the place of a
        reference. Whoever may read the function's configuration can read it there."""
        return {SETTING: self._secret.secret_value.unsafe_unwrap()}

    def of_container(self) -> dict[str, ecs.Secret]:
        """For a container: ECS reads it when a task starts, and the definition names it alone."""
        return {SETTING: ecs.Secret.from_secrets_manager(self._secret)}
