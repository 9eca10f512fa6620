"""Stack of a stage's ECS service, for heavy traffic."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.components.context import authorisation_environment, image_digest
from infra.components.gateway_routes import GatewayRoutes
from infra.components.server_service import ServerService
from infra.components.server_task import ServerTask
from infra.components.service_alarms import rollback_alarm, service_graphs, service_limits
from infra.components.service_network import InternalBalancer, ServiceNetwork
from infra.components.task_scaling import TaskScaling
from infra.configuration.deployment import Deployment
from infra.configuration.service import ServiceConfiguration
from infra.stacks.predictions import PredictionsStack
from infra.stacks.stage import StageStack


class ServiceStack(StageStack):
    """Server on ECS, which adds its routes to the API of the function's stack."""

    def __init__(
        self,
        scope: Construct,
        deployment: Deployment,
        *,
        service: ServiceConfiguration,
        api: apigateway.HttpApi,
        predictions: PredictionsStack | None = None,
    ) -> None:
        super().__init__(scope, deployment, "service")
        stage = deployment.stage
        self._zones = [f"{cdk.Aws.REGION}{letter}" for letter in service.zones]
        network = ServiceNetwork(self, "Network", stage=stage, service=service)
        balancer = InternalBalancer(self, "Balancer", network=network)
        environment = authorisation_environment(self, deployment=deployment)
        if predictions:
            environment |= predictions.settings
        task = ServerTask(
            self,
            "Task",
            deployment=deployment,
            service=service,
            digest=image_digest(self, key="server_image"),
            environment=environment,
            secrets=predictions.key.container_secrets() if predictions else {},
        )
        if predictions:
            predictions.collect(self, task.log_group)
        alarm = rollback_alarm(
            Construct(self, "Rollback"), deployment=deployment, balancer=balancer.balancer
        )
        server = ServerService(
            self,
            "Server",
            service=service,
            network=network,
            balancer=balancer,
            task=task,
            alarm=alarm,
        )
        TaskScaling(
            self,
            "Scaling",
            deployment=deployment,
            service=service,
            tasks=server.tasks,
            balancer=balancer.balancer,
        )
        GatewayRoutes(self, "Routes", network=network, balancer=balancer, stage=stage, api=api)
        self.limits = service_limits(deployment=deployment, balancer=balancer.balancer)
        self.graphs = [service_graphs(deployment=deployment, targets=balancer.targets)]
        cdk.CfnOutput(self, "Cluster", value=server.cluster.cluster_name)
        cdk.CfnOutput(self, "Service", value=server.tasks.service_name)

    @property
    def availability_zones(self) -> list[str]:
        """Return the zones of the network.

        Otherwise the CDK would ask a known account for its zones, with credentials.
        """
        first_two = [cdk.Fn.select(place, cdk.Fn.get_azs()) for place in range(2)]
        return self._zones or first_two
