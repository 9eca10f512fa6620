"""No caller reaches a version that has not answered: not the first, and none after it."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.hook_function import HookFunction
from infra.configuration.stage import StageConfiguration

# Beyond what the handlers wait for a version to be there and for a new role to be known.
PATIENCE = cdk.Duration.minutes(5)


class SmokeTest(Construct):
    """Two hooks that call one version by its ARN.

    `before_traffic` runs in each deployment by CodeDeploy. That is not asked when an alias comes
    into being, so `at_creation` is a resource that the alias waits for, which is made once.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        version: lambda_.Version,
        alias: lambda_.Alias,
    ) -> None:
        super().__init__(scope, id_)
        environment = {"VERSION_ARN": version.function_arn, "AUTH": stage.api.auth}
        before_traffic = HookFunction(
            self,
            "BeforeTraffic",
            stage=stage,
            module="pre_traffic",
            description="Asks a new version before it gets traffic, and tells CodeDeploy",
            environment=environment,
            timeout=PATIENCE,
        )
        at_creation = HookFunction(
            self,
            "AtCreation",
            stage=stage,
            module="first_creation",
            description="Asks the first version before there is an alias, and tells CloudFormation",
            environment=environment,
            timeout=PATIENCE,
        )
        for hook in (before_traffic, at_creation):
            version.grant_invoke(hook.role)
        answered = cdk.CustomResource(
            self,
            "FirstVersion",
            resource_type="Custom::FirstVersionAnswers",
            service_token=at_creation.function.function_arn,
            service_timeout=PATIENCE,
        )
        answered.node.add_dependency(at_creation)
        alias.node.add_dependency(answered, before_traffic)
        self.before_traffic = before_traffic
