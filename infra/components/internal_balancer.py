"""The load balancer before the tasks, which only the gateway can call."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.server_task import PORT
from infra.components.service_network import ServiceNetwork

HTTP = 80


class InternalBalancer(Construct):
    """A balancer with private addresses that asks each task whether its model is loaded.

    targets: none yet. callers: the security group that may call.
    """

    def __init__(self, scope: Construct, id_: str, *, network: ServiceNetwork) -> None:
        super().__init__(scope, id_)
        self.callers = network.security_group("Gateway", "The link of the gateway")
        self.balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            internet_facing=False,
            security_group=network.security_group("Balancer", "The load balancer"),
            drop_invalid_header_fields=True,
            idle_timeout=cdk.Duration.seconds(60),  # the server keeps connections longer
        )
        self.balancer.connections.allow_from(self.callers, ec2.Port.tcp(HTTP), "the gateway")
        self.targets = balancing.ApplicationTargetGroup(
            self,
            "Tasks",
            vpc=network.vpc,
            port=PORT,
            protocol=balancing.ApplicationProtocol.HTTP,
            target_type=balancing.TargetType.IP,
            # Short texts must not wait behind a task that reads long ones.
            load_balancing_algorithm_type=(
                balancing.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
            ),
            deregistration_delay=cdk.Duration.seconds(30),  # as long as the gateway waits
            health_check=balancing.HealthCheck(
                path="/health/ready",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        self.listener = self.balancer.add_listener(
            "Http",
            port=HTTP,
            protocol=balancing.ApplicationProtocol.HTTP,
            open=False,
            default_target_groups=[self.targets],
        )
        acknowledge(
            self.balancer,
            "AwsSolutions-ELB2",
            "Its log has query strings, and texts may be in them; the gateway logs each request by "
            "its route, and the server by its own line.",
        )
