"""HTTP API of a stage, throttled, with an access log of routes, and its custom domain."""

import json
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as certificates
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.storage import log_group
from infra.configuration.api import ApiConfiguration, DomainConfiguration
from infra.configuration.deployment import Deployment

# The route instead of the path, no query string, no address: those may hold texts or personal data.
ACCESS_LOG = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "route": "$context.routeKey",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "total_ms": "$context.responseLatency",
    "integration_ms": "$context.integrationLatency",
    "integration_error": "$context.integrationErrorMessage",
    "authorizer_error": "$context.authorizer.error",
    "bytes": "$context.responseLength",
}


class HttpApi(Construct):
    """API that sends every path without a route of its own to the alias `live`."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, alias: lambda_.Alias
    ) -> None:
        super().__init__(scope, id_)
        stage = deployment.stage
        configuration = stage.api
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=deployment.name,
            description=f"Text inference, stage {stage.name}",
            create_default_stage=False,
            default_integration=integrations.HttpLambdaIntegration("Function", alias),
            default_authorizer=_authorizer(configuration),
            cors_preflight=_cors(configuration),
        )
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",  # another name would be part of every path and break /docs
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=configuration.rate, burst_limit=configuration.burst
            ),
        )
        log = log_group(self, "Log", stage=stage, service="apigateway")
        cast(
            "apigateway.CfnStage", self.stage.node.default_child
        ).access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
        )
        if configuration.auth in ("key", "public"):
            acknowledge(
                self.api,
                "AwsSolutions-APIG4",
                "With 'key' the application checks a bearer key, and its page is open so that "
                "people can enter theirs; with 'public' the stage wants no authorisation.",
            )


def _authorizer(configuration: ApiConfiguration) -> apigateway.IHttpRouteAuthorizer | None:
    if configuration.auth == "iam":
        return authorizers.HttpIamAuthorizer()
    if configuration.auth == "jwt":
        return authorizers.HttpJwtAuthorizer(
            "Jwt", configuration.jwt_issuer, jwt_audience=list(configuration.jwt_audience)
        )
    return None


def _cors(configuration: ApiConfiguration) -> apigateway.CorsPreflightOptions | None:
    """Return what the gateway answers, for function and service; neither gets `CORS_ORIGINS`."""
    if not configuration.cors_origins:
        return None
    return apigateway.CorsPreflightOptions(
        allow_origins=list(configuration.cors_origins),
        allow_methods=[apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.POST],
        allow_headers=["authorization", "*"],  # browsers do not count `authorization` as any
        expose_headers=[
            "inference-header-content-length",
            "retry-after",
            "server-timing",
            "x-model-version",
            "x-prediction-id",
            "x-request-id",
        ],
        max_age=cdk.Duration.hours(1),
    )


class CustomDomain(Construct):
    """Custom domain name of the API, with a record in Route 53 if the zone is configured.

    For a record by hand, `target` is the host to which the name must point.
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
