"""A name of one's own for the API."""

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.configuration.api import DomainConfiguration


class CustomDomain(Construct):
    """The name, its certificate, and its entry in Route 53 where the zone is there.

    target: what the name must point to, for an entry by hand.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        domain: DomainConfiguration,
        api: apigateway.HttpApi,
        stage: apigateway.HttpStage,
    ) -> None:
        super().__init__(scope, id_)
        name = apigateway.DomainName(
            self,
            "Name",
            domain_name=domain.name,
            certificate=certificates.Certificate.from_certificate_arn(
                self, "Certificate", domain.certificate_arn
            ),
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.ApiMapping(self, "Mapping", api=api, domain_name=name, stage=stage)
        self.target = name.regional_domain_name
        if domain.hosted_zone_id:
            route53.ARecord(
                self,
                "Record",
                zone=route53.HostedZone.from_hosted_zone_attributes(
                    self,
                    "Zone",
                    hosted_zone_id=domain.hosted_zone_id,
                    zone_name=domain.hosted_zone_name,
                ),
                record_name=f"{domain.name}.",
                target=route53.RecordTarget.from_alias(
                    targets.ApiGatewayv2DomainProperties(
                        name.regional_domain_name, name.regional_hosted_zone_id
                    )
                ),
            )
