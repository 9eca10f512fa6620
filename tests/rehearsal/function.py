"""The stage's Lambda: moto keeps its versions and its alias, podman runs them."""

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends

from tests.rehearsal.running import Running

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ALIAS = "live"
SHARE = 0.1  # of callers, for a new version at first


class Function:
    """One function. settings: its environment, read anew for every version."""

    def __init__(
        self,
        name: str,
        client: "LambdaClient",
        running: Running,
        settings: Callable[[], Mapping[str, str]],
    ) -> None:
        self.name, self._client = name, client
        self._running, self._settings = running, settings
        self._environments: dict[str, Mapping[str, str]] = {}
        self._requests = itertools.count(1)

    def create(self, image: str, role: str) -> str:
        """The first version, of an image `HOST/REPOSITORY@sha256:...`; its number."""
        self._client.create_function(
            FunctionName=self.name, Role=role, PackageType="Image", Code={"ImageUri": image}
        )
        return self._publish()

    def update(self, image: str) -> str:
        """A further version; its number."""
        self._client.update_function_code(FunctionName=self.name, ImageUri=image)
        return self._publish()

    def _publish(self) -> str:
        version = self._client.publish_version(FunctionName=self.name)["Version"]
        _keep_apart(self.arn(version))
        self._environments[version] = dict(self._settings())
        return version

    def exists(self) -> bool:
        try:
            self._client.get_function(FunctionName=self.name)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def arn(self, version: str) -> str:
        found = self._client.get_function(FunctionName=self.name)["Configuration"]["FunctionArn"]
        return f"{found}:{version}"

    def point(self, version: str, new: str | None = None) -> None:
        """Let the alias point at a version, and give a share of its callers to a new one."""
        weights = {"AdditionalVersionWeights": {new: SHARE} if new else {}}
        try:
            self._client.update_alias(
                FunctionName=self.name,
                Name=ALIAS,
                FunctionVersion=version,
                RoutingConfig=weights,  # type: ignore[arg-type]
            )
        except self._client.exceptions.ResourceNotFoundException:
            self._client.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion=version)

    def live(self) -> str:
        """The version that the alias points at."""
        alias = self._client.get_alias(FunctionName=self.name, Name=ALIAS)
        return alias["FunctionVersion"]

    def ask(self, version: str, event: Any) -> Any:
        """What a version answers. Raises InvocationError."""
        found = self._client.get_function(FunctionName=self.name, Qualifier=version)
        image = found["Code"]["ImageUri"].partition("/")[2]
        return self._running.invoke(image, self._environments[version], event)

    def invoke(self, event: Any) -> Any:
        """What callers get: of ten, one from the new version while there is one."""
        alias = self._client.get_alias(FunctionName=self.name, Name=ALIAS)
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        turn = next(self._requests) % round(1 / SHARE) == 0
        version = next(iter(weights)) if weights and turn else alias["FunctionVersion"]
        return self.ask(version, event)


def _keep_apart(arn: str) -> None:
    """Give a version an image of its own: moto's share theirs with what comes after them."""
    _, _, _, region, account, _, name, version = arn.split(":")
    made = lambda_backends[account][region].get_function(name, version)
    made.code = dict(made.code)
