"""One Lambda function in moto: published versions, and the alias `live`."""

from typing import TYPE_CHECKING

from moto.awslambda.models import lambda_backends

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ALIAS = "live"
CANARY_SHARE = 0.1  # of requests, for a new version at first


class LambdaVersions:
    """Versions of one function and their alias, kept by moto."""

    def __init__(self, name: str, client: "LambdaClient") -> None:
        self.name, self._client = name, client

    def exists(self) -> bool:
        try:
            self._client.get_function(FunctionName=self.name)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def create(self, image: str, role: str) -> str:
        """Create the function from an image `HOST/REPOSITORY@sha256:...`; return its version."""
        self._client.create_function(
            FunctionName=self.name, Role=role, PackageType="Image", Code={"ImageUri": image}
        )
        return self._publish()

    def update(self, image: str) -> str:
        """Publish another version and return its number."""
        self._client.update_function_code(FunctionName=self.name, ImageUri=image)
        return self._publish()

    def arn(self, version: str) -> str:
        found = self._client.get_function(FunctionName=self.name)["Configuration"]["FunctionArn"]
        return f"{found}:{version}"

    def image(self, version: str) -> str:
        """Return the image of a version, or of an alias."""
        found = self._client.get_function(FunctionName=self.name, Qualifier=version)
        return found["Code"]["ImageUri"]

    def point(self, version: str, canary: str | None = None) -> None:
        """Point the alias at a version; send CANARY_SHARE of the requests to another one."""
        weights = {"AdditionalVersionWeights": {canary: CANARY_SHARE} if canary else {}}
        try:
            self._client.update_alias(
                FunctionName=self.name,
                Name=ALIAS,
                FunctionVersion=version,
                RoutingConfig=weights,  # type: ignore[arg-type]
            )
        except self._client.exceptions.ResourceNotFoundException:
            self._client.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion=version)

    def live(self) -> tuple[str, str | None]:
        """Return the version behind the alias, and the one that gets CANARY_SHARE, if any."""
        alias = self._client.get_alias(FunctionName=self.name, Name=ALIAS)
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        return alias["FunctionVersion"], next(iter(weights), None)

    def _publish(self) -> str:
        version = self._client.publish_version(FunctionName=self.name)["Version"]
        # Moto's versions share one description of the code: each gets a copy of its own.
        _, _, _, region, account, _, name, _ = self.arn(version).split(":")
        published = lambda_backends[account][region].get_function(name, version)
        published.code = dict(published.code)
        return version
