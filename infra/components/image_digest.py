"""Digest of the image that a stack runs."""

import aws_cdk as cdk

from infra.configuration.checks import require_match


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
