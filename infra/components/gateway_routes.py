"""Routes of the stage's API to the server, under a prefix that the server does not see."""

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.service_network import InternalBalancer, ServiceNetwork
from infra.configuration.stage import StageConfiguration

PREFIX = "/gpu"
# One by one: `ANY` would also match CORS preflights, which the gateway answers itself.
METHODS = (apigateway.HttpMethod.GET, apigateway.HttpMethod.HEAD, apigateway.HttpMethod.POST)


class GatewayRoutes(Construct):
    """Routes that pass `/gpu/...` to the server as `/...`, under the API's own authorisation.

    Pages work unchanged, since their links are relative. `POST /gpu`, which Hugging Face's clients
    call, becomes `POST /`. There is no `GET /gpu`: relative links of a page there would leave the
    prefix.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        network: ServiceNetwork,
        balancer: InternalBalancer,
        stage: StageConfiguration,
        api: apigateway.HttpApi,
    ) -> None:
        super().__init__(scope, id_)
        self._api, self._balancer = api, balancer
        self._link = apigateway.VpcLink(
            self,
            "Link",
            vpc=network.vpc,
            subnets=network.subnets,
            security_groups=[balancer.callers],
        )
        below = self._integration("Below", "/${request.path.proxy}")
        for method in METHODS:
            self._route(f"{PREFIX}/{{proxy+}}", method, below)
        self._route(PREFIX, apigateway.HttpMethod.POST, self._integration("Root", "/"))
        if stage.api.auth in ("key", "public"):
            acknowledge(
                self,
                "AwsSolutions-APIG4",
                "As for the rest of the API: the server checks keys, or the stage is public.",
            )

    def _integration(self, id_: str, path: str) -> integrations.HttpAlbIntegration:
        return integrations.HttpAlbIntegration(
            id_,
            self._balancer.listener,
            vpc_link=self._link,
            parameter_mapping=apigateway.ParameterMapping().overwrite_path(
                apigateway.MappingValue.custom(path)
            ),
        )

    def _route(
        self, path: str, method: apigateway.HttpMethod, integration: integrations.HttpAlbIntegration
    ) -> None:
        apigateway.HttpRoute(
            self,
            f"{method.value} {path.replace('/', ' ').strip()}",
            http_api=self._api,
            route_key=apigateway.HttpRouteKey.with_(path, method),
            integration=integration,
            authorizer=self._api.default_authorizer,
        )
