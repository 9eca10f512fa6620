"""Smoke test of every version before callers reach it, the first one included."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components.acknowledged import allow
from infra.components.hook_function import HookFunction
from infra.configuration.stage import StageConfiguration

# Longer than the handlers wait for a new version and a new role to become usable.
TIMEOUT = cdk.Duration.minutes(5)


class SmokeTest(Construct):
    """Hooks that invoke one version by its ARN.

    CodeDeploy runs `before_traffic` in each deployment, but not when the alias is created. A custom
    resource, created once, tests the first version before the alias is created.
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
        environment = {
            "VERSION_ARN": version.function_arn,
            "AUTH": stage.api.auth,
            "ERRORS_PERCENT": str(stage.watch.errors_percent),
        }
        before_traffic = HookFunction(
            self,
            "BeforeTraffic",
            stage=stage,
            module="pre_traffic",
            description="Calls a new version before it gets traffic, and reports to CodeDeploy",
            environment=environment,
            timeout=TIMEOUT,
        )
        at_creation = HookFunction(
            self,
            "AtCreation",
            stage=stage,
            module="first_creation",
            description="Calls the first version before its alias, and reports to CloudFormation",
            environment=environment,
            timeout=TIMEOUT,
        )
        # Not of one version alone: a change of images changes no policy.
        versions = f"{version.lambda_.function_arn}:*"
        for hook in (before_traffic, at_creation):
            allow(
                hook.role,
                ["lambda:InvokeFunction"],
                versions,
                reason="The versions of the one function.",
            )
        answered = cdk.CustomResource(
            self,
            "FirstVersion",
            resource_type="Custom::FirstVersionAnswers",
            service_token=at_creation.function.function_arn,
            service_timeout=TIMEOUT,
        )
        answered.node.add_dependency(at_creation)
        alias.node.add_dependency(answered, before_traffic)
        self.before_traffic = before_traffic
