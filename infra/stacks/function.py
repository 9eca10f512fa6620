"""Stack of a stage's function, its rollout and its HTTP API."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.context import authorisation_environment, free_concurrency, image_digest
from infra.components.http_api import CustomDomain, HttpApi
from infra.components.inference_function import InferenceFunction, add_warm_up
from infra.components.rollout import Rollout, RolloutAlarms
from infra.components.smoke_test import SmokeTest
from infra.configuration.deployment import Deployment
from infra.stacks.predictions import PredictionsStack
from infra.stacks.stage import StageStack


class FunctionStack(StageStack):
    """Function, rollout, warm-up schedule and HTTP API, to which other stacks add routes."""

    def __init__(
        self,
        scope: Construct,
        deployment: Deployment,
        *,
        predictions: PredictionsStack | None = None,
        **properties: Any,
    ) -> None:
        super().__init__(scope, deployment, "function", **properties)
        stage = deployment.stage
        environment = authorisation_environment(self, deployment=deployment)
        if predictions:
            environment |= predictions.settings | predictions.key.function_environment()
        self.inference = InferenceFunction(
            self,
            "Inference",
            deployment=deployment,
            digest=image_digest(self, key="function_image"),
            environment=environment,
        )
        if predictions:
            predictions.collect(self, self.inference.log_group)
        self.alias = self.inference.alias
        smoke_test = SmokeTest(
            self, "SmokeTest", stage=stage, version=self.inference.version, alias=self.alias
        )
        alarms = RolloutAlarms(
            self, "RolloutAlarms", deployment=deployment, version=self.inference.version
        )
        Rollout(
            self,
            "Rollout",
            deployment=deployment,
            alias=self.alias,
            before_traffic=smoke_test.before_traffic,
            alarms=alarms.alarms,
        )
        add_warm_up(Construct(self, "WarmUp"), stage=stage, alias=self.alias)
        http = HttpApi(self, "Door", deployment=deployment, alias=self.alias)
        self.api = http.api
        url = self.api.api_endpoint
        cdk.CfnOutput(self, "Endpoint", value=url)
        if stage.api.domain:
            domain = CustomDomain(
                self, "Domain", domain=stage.api.domain, api=self.api, stage=http.stage
            )
            url = f"https://{stage.api.domain.name}"
            cdk.CfnOutput(self, "DomainTarget", value=domain.target)
        cdk.CfnOutput(self, "Url", value=url)
        free = free_concurrency(self)
        if free is not None:  # a change of images alone synthesises with it again
            cdk.CfnOutput(self, "FreeConcurrency", value=str(free))
        cdk.CfnOutput(self, "FunctionName", value=self.inference.function.function_name)
        cdk.CfnOutput(self, "LogGroup", value=self.inference.log_group.log_group_name)
