"""Values of the CDK context that templates depend on, as `make deploy` gives them."""

import aws_cdk as cdk
from constructs import Construct

from infra.configuration.checks import require_match
from infra.configuration.deployment import Deployment

KEY_VERSION = "api_key_version"


def image_digest(stack: cdk.Stack, *, key: str) -> str:
    """Return the digest under a key of the CDK context, as in `-c function_image=sha256:...`.

    Without one it becomes a parameter of the template: such a template can be synthesised without
    an image, and CloudFormation does not deploy it. Raises ConfigurationError for another value.
    """
    digest = stack.node.try_get_context(key)
    if digest:
        require_match(r"sha256:[0-9a-f]{64}", str(digest), key, "sha256: and 64 hex digits")
        return str(digest)
    parameter = cdk.CfnParameter(
        stack,
        "".join(part.capitalize() for part in key.split("_")),
        description=f"The image's digest without 'sha256:'; 'make deploy' gives it as {key}",
        allowed_pattern="^[0-9a-f]{64}$",
        constraint_description="64 hex digits",
    )
    return f"sha256:{parameter.value_as_string}"


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


def free_concurrency(construct: Construct) -> int | None:
    """Return the account's executions that others have not reserved, as the CDK context has it.

    Only the account knows; `make deploy` asks it.
    """
    free = construct.node.try_get_context("free_concurrency")
    if not free:
        return None
    require_match(r"\d+", str(free), "free_concurrency", "a number")
    return int(free)
