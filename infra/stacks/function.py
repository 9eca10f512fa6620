"""Stack of a stage's function, its rollout and its HTTP API."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.authorisation import authorisation_environment
from infra.components.http_api import CustomDomain, HttpApi
from infra.components.image_digest import image_digest
from infra.components.inference_function import InferenceFunction, WarmUp, free_concurrency
from infra.components.rollout import Rollout, RolloutAlarms
from infra.components.smoke_test import SmokeTest
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from infra.stacks.predictions import PredictionsStack


class FunctionStack(cdk.Stack):
    """Function, rollout, warm-up schedule and HTTP API, to which other stacks add routes."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        project: ProjectConfiguration,
        stage: StageConfiguration,
        predictions: PredictionsStack | None = None,
        **properties: Any,
    ) -> None:
        super().__init__(scope, id_, **properties)
        environment = authorisation_environment(self, project=project, stage=stage)
        if predictions:
            environment |= predictions.settings | predictions.key.function_environment()
        self.inference = InferenceFunction(
            self,
            "Inference",
            project=project,
            stage=stage,
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
            self, "RolloutAlarms", project=project, stage=stage, version=self.inference.version
        )
        Rollout(
            self,
            "Rollout",
            project=project,
            stage=stage,
            alias=self.alias,
            before_traffic=smoke_test.before_traffic,
            alarms=alarms.alarms,
        )
        WarmUp(self, "WarmUp", stage=stage, alias=self.alias)
        http = HttpApi(self, "Door", project=project, stage=stage, alias=self.alias)
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
