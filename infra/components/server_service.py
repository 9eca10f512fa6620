"""ECS service of the server, and its capacity with GPUs."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.server_task import ServerTask
from infra.components.service_network import InternalBalancer, ServiceNetwork
from infra.configuration.service import ServiceConfiguration

UNITS_PER_CPU = 1024
DISK = cdk.Size.gibibytes(40)  # for images; the server's with PyTorch takes about 10
# Before health checks count: importing PyTorch, loading the model onto the GPU, warming it up.
GRACE_PERIOD = {"gpu": cdk.Duration.minutes(5), "fargate": cdk.Duration.minutes(2)}
FARGATE = ["FARGATE", "FARGATE_SPOT"]  # set on the cluster itself, so that nothing races


class GpuCapacity(Construct):
    """ECS Managed Instances with one NVIDIA GPU each, of the cheapest available type.

    ECS starts, patches and ends them as tasks need them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        service: ServiceConfiguration,
        network: ServiceNetwork,
        cluster: ecs.Cluster,
    ) -> None:
        super().__init__(scope, id_)
        cpu, memory = service.size
        self.provider = ecs.ManagedInstancesCapacityProvider(
            self,
            "Provider",
            subnets=network.vpc.select_subnets(
                subnet_group_name=network.subnets.subnet_group_name
            ).subnets,
            security_groups=[
                network.security_group("Instances", "Machines with a GPU", calls_aws=True)
            ],
            capacity_option_type=(
                ecs.CapacityOptionType.SPOT if service.spot else ecs.CapacityOptionType.ON_DEMAND
            ),
            instance_requirements=ec2.InstanceRequirementsConfig(
                v_cpu_count_min=-(-cpu // UNITS_PER_CPU),
                memory_min=cdk.Size.mebibytes(memory),
                accelerator_count_min=1,
                accelerator_count_max=1,
                accelerator_types=[ec2.AcceleratorType.GPU],
                accelerator_manufacturers=[ec2.AcceleratorManufacturer.NVIDIA],
                allowed_instance_types=list(service.instance_types),
            ),
            task_volume_storage=DISK,
            propagate_tags=ecs.PropagateManagedInstancesTags.CAPACITY_PROVIDER,
        )
        cluster.add_managed_instances_capacity_provider(self.provider)
        managed = "AmazonECSInfrastructureRolePolicyForManagedInstances"
        acknowledge(
            self.provider,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{managed}]",
            "ECS starts and ends instances with this policy, and AWS maintains it.",
        )
        acknowledge(
            self.provider,
            "AwsSolutions-IAM5[Resource::*]",
            "ecs:DiscoverPollEndpoint has no resource-level permissions.",
        )
        stack = cdk.Stack.of(self)
        acknowledge_wildcard(
            self.provider,
            f"arn:{stack.partition}:ecs:{stack.region}:{stack.account}:container-instance/*",
            "An instance reports its own state, under an id that it gets at its start.",
        )


class ServerService(Construct):
    """ECS service with rolling deployments.

    A deployment is rolled back if its tasks do not become ready or the alarm goes off. Old tasks
    run until the new ones are ready, so callers do not wait.
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
            # On instances the instance has the address, pulls images and writes logs.
            assign_public_ip=not gpu and service.egress == "public_addresses",
            security_groups=[network.security_group("Tasks", "Tasks", calls_aws=not gpu)],
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=GRACE_PERIOD[service.capacity],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[alarm.alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            enable_ecs_managed_tags=True,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        self.tasks.attach_to_application_target_group(balancer.targets)
        # The execution role pulls the image: its policy has to be there before the first task.
        self.tasks.node.add_dependency(balancer.listener, task.definition.obtain_execution_role())
        acknowledge(
            self.cluster,
            "AwsSolutions-ECS4",
            "The server logs its load itself, for a tenth of the price of Container Insights.",
        )
