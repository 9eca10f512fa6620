"""Settings of the application's authorisation."""

import aws_cdk as cdk

from infra.configuration.checks import require_match
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

KEY_VERSION = "api_key_version"  # in the CDK context


def authorisation_environment(
    stack: cdk.Stack, *, project: ProjectConfiguration, stage: StageConfiguration
) -> dict[str, str]:
    """Return the settings AUTH and API_KEY_SHA256, the digests of the accepted keys.

    Without a digest in the configuration CloudFormation reads it from the Parameter Store. The
    parameter's version in the context makes a new digest a new version of the function.
    """
    if stage.api.auth != "key":
        return {"AUTH": stage.api.auth}
    if stage.api.key_digests:
        return {"AUTH": "key", "API_KEY_SHA256": ",".join(stage.api.key_digests)}
    version = str(stack.node.try_get_context(KEY_VERSION) or "")
    require_match(r"\d*", version, KEY_VERSION, "a number")
    name = ":".join(part for part in (project.key_parameter(stage.name), version) if part)
    return {"AUTH": "key", "API_KEY_SHA256": f"{{{{resolve:ssm:{name}}}}}"}
