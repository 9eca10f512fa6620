"""Where the server's tasks live: a network of their own that nothing enters but by the gateway."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.components.log_group import log_group
from infra.configuration.service import Egress, ServiceConfiguration
from infra.configuration.stage import StageConfiguration

HTTPS = ec2.Port.tcp(443)

# By what a task reaches ECR, ECS and CloudWatch; docs/scaling.md has what each costs. A public
# address is paid for while a machine runs that has it, a NAT gateway always. With neither can
# anybody call in: no security group lets anyone.
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
    """A network with one group of subnets for everything that runs. vpc, subnets: of it.

    Image layers come from S3 by an endpoint that is free. What security groups turn away is logged.
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
            restrict_default_security_group=False,  # by a Lambda of its own; nothing is in it
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
        """A group that nobody may call, and whose members may call nobody but AWS, if even that."""
        group = ec2.SecurityGroup(
            self, id_, vpc=self.vpc, description=description, allow_all_outbound=False
        )
        if calls_aws:
            group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "AWS's own interfaces")
        cdk.Tags.of(group).add("Name", description)
        return group
