"""Network of the server's tasks and its load balancer, which only the gateway can reach."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.server_task import PORT
from infra.components.storage import log_group
from infra.configuration.service import Egress, ServiceConfiguration
from infra.configuration.stage import StageConfiguration

HTTP = 80
HTTPS = ec2.Port.tcp(443)

# Ways to reach ECR, ECS and CloudWatch; docs/scaling.md has the prices. A public address costs
# while its machine runs, a NAT gateway always. Neither lets anyone in: no security group does.
SUBNETS: dict[Egress, list[ec2.SubnetConfiguration]] = {
    "public_addresses": [
        ec2.SubnetConfiguration(name="Tasks", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=26)
    ],
    "nat_gateway": [
        ec2.SubnetConfiguration(name="Exit", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28),
        ec2.SubnetConfiguration(
            name="Tasks", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=26
        ),
    ],
}


class ServiceNetwork(Construct):
    """VPC with one group of subnets for everything that runs.

    Image layers come from S3 through a gateway endpoint, which is free. Connections that security
    groups reject are logged.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfiguration,
        service: ServiceConfiguration,
    ) -> None:
        super().__init__(scope, id_)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(service.address_range),
            max_azs=max(2, len(service.zones)),
            subnet_configuration=SUBNETS[service.egress],
            nat_gateways=1 if service.egress == "nat_gateway" else 0,
            restrict_default_security_group=False,  # takes a Lambda; nothing uses the group
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.subnets = ec2.SubnetSelection(subnet_group_name="Tasks")
        self.vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                log_group(self, "Log", stage=stage)
            ),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )

    def security_group(
        self, id_: str, description: str, *, calls_aws: bool = False
    ) -> ec2.SecurityGroup:
        """Return a security group without connections, or with HTTPS to AWS alone."""
        group = ec2.SecurityGroup(
            self, id_, vpc=self.vpc, description=description, allow_all_outbound=False
        )
        if calls_aws:
            group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "AWS's own interfaces")
        cdk.Tags.of(group).add("Name", description)
        return group


class InternalBalancer(Construct):
    """Load balancer with private addresses, whose health check is a task's readiness.

    Only the security group `callers` may call it.
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
            # Short texts must not wait behind a task that is busy with long ones.
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
            "Its log has query strings, which may hold texts; the gateway logs each request by its "
            "route, and the server by a line of its own.",
        )
