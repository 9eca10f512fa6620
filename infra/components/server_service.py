"""The tasks as ECS keeps them: as many as wanted, behind the balancer, replaced when they fail."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.gpu_capacity import GpuCapacity
from infra.components.internal_balancer import InternalBalancer
from infra.components.server_task import ServerTask
from infra.components.service_network import ServiceNetwork
from infra.configuration.service import ServiceConfiguration

# After which the balancer's word counts: PyTorch's import, the model's way to the GPU, the warm-up.
PATIENCE = {"gpu": cdk.Duration.minutes(5), "fargate": cdk.Duration.minutes(2)}
FARGATE = ["FARGATE", "FARGATE_SPOT"]  # of the cluster from the start, so that nothing races


class ServerService(Construct):
    """A rolling service. tasks: of ECS. cluster: with whatever capacity it runs on.

    A deployment whose tasks do not become ready, or during which the alarm rings, is taken back.
    Meanwhile there are twice as many tasks, so nobody waits.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service: ServiceConfiguration,
        network: ServiceNetwork,
        balancer: InternalBalancer,
        task: ServerTask,
        alarm: cloudwatch.Alarm,
    ) -> None:
        super().__init__(scope, id_)
        self.cluster = ecs.Cluster(self, "Cluster", vpc=network.vpc)
        gpu = service.capacity == "gpu"
        provider = FARGATE[service.spot]
        if gpu:
            capacity = GpuCapacity(
                self, "Gpu", service=service, network=network, cluster=self.cluster
            )
            provider = capacity.provider.capacity_provider_name
        else:
            cast("ecs.CfnCluster", self.cluster.node.default_child).capacity_providers = FARGATE
        self.tasks = ecs.FargateService(
            self,
            "Service",
            cluster=self.cluster,
            task_definition=task.definition,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=provider, weight=1)
            ],
            vpc_subnets=network.subnets,
            # Tasks on instances have none of their own: the instance fetches images, writes logs.
            assign_public_ip=not gpu and service.egress == "public_addresses",
            security_groups=[network.security_group("Tasks", "Tasks", calls_aws=not gpu)],
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=PATIENCE[service.capacity],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[alarm.alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        self.tasks.attach_to_application_target_group(balancer.targets)
        self.tasks.node.add_dependency(balancer.listener)
        acknowledge(
            self.cluster,
            "AwsSolutions-ECS4",
            "The server tells its load itself, at a tenth of what Container Insights costs.",
        )
