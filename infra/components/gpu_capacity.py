"""Machines with a GPU, which ECS starts, patches and takes away again as tasks need them."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.components.acknowledged import acknowledge, acknowledge_wildcard
from infra.components.service_network import ServiceNetwork
from infra.configuration.service import ServiceConfiguration

UNITS_OF_A_CPU = 1024
DISK = cdk.Size.gibibytes(40)  # for images: that of the server with PyTorch takes about 10


class GpuCapacity(Construct):
    """ECS Managed Instances with one NVIDIA GPU each, of the cheapest type that is to be had.

    provider: the capacity provider, of the cluster.
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
                v_cpu_count_min=-(-cpu // UNITS_OF_A_CPU),
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
            "By it ECS starts and ends instances; AWS extends it when that takes more.",
        )
        acknowledge(
            self.provider,
            "AwsSolutions-IAM5[Resource::*]",
            "ecs:DiscoverPollEndpoint, by which an instance finds ECS, knows no resources.",
        )
        stack = cdk.Stack.of(self)
        acknowledge_wildcard(
            self.provider,
            f"arn:{stack.partition}:ecs:{stack.region}:{stack.account}:container-instance/*",
            "An instance speaks for itself, by a number that it gets when it has started.",
        )
