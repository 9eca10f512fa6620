"""Lambda functions that run the handlers of infra/handlers."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.storage import log_group
from infra.configuration.stage import StageConfiguration

HANDLERS = Path(__file__).parent.parent / "handlers"


class HookFunction(Construct):
    """Lambda function over a module of infra/handlers, with a role that may write its log."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        module: str,
        description: str,
        environment: dict[str, str],
        timeout: cdk.Duration,
    ) -> None:
        super().__init__(scope, id_)
        log = log_group(self, "Log", stage=stage)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=description,
        )
        log.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{HANDLERS.name}.{module}.handler",
            code=lambda_.Code.from_asset(
                str(HANDLERS.parent),
                exclude=["**", f"!{HANDLERS.name}", f"!{HANDLERS.name}/*.py"],
                ignore_mode=cdk.IgnoreMode.GIT,
            ),
            memory_size=256,
            timeout=timeout,
            environment=environment,
            log_group=log,
            role=self.role,
        )
