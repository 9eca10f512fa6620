"""Settings of the application's authorisation."""

import aws_cdk as cdk

from infra.configuration.checks import require_match
from infra.configuration.deployment import Deployment

KEY_VERSION = "api_key_version"  # in the CDK context


def authorisation_environment(stack: cdk.Stack, *, deployment: Deployment) -> dict[str, str]:
    """Return the settings AUTH and API_KEY_SHA256, the digests of the accepted keys.

    Without a digest in the configuration CloudFormation reads it from the Parameter Store. The
    parameter's version in the context makes a new digest a new version of the function.
    """
    stage = deployment.stage
    if stage.api.auth != "key":
        return {"AUTH": stage.api.auth}
    if stage.api.key_digests:
        return {"AUTH": "key", "API_KEY_SHA256": ",".join(stage.api.key_digests)}
    version = str(stack.node.try_get_context(KEY_VERSION) or "")
    require_match(r"\d*", version, KEY_VERSION, "a number")
    name = ":".join(part for part in (deployment.key_parameter, version) if part)
    return {"AUTH": "key", "API_KEY_SHA256": f"{{{{resolve:ssm:{name}}}}}"}
