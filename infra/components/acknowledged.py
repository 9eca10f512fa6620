"""Accepted findings of cdk-nag, each with its reason, and permissions that have one."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a finding on a construct and everything below it.

    `rule` is the rule's id, with the finding in brackets if the rule has several, as in
    `AwsSolutions-IAM5[Action::s3:*]`.
    """
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def acknowledge_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Accept a resource with `*` in a policy; `resource` is the ARN as the policy has it."""
    shown = _shown(cdk.Stack.of(construct).resolve(resource))
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{shown}]", reason)


def actions(service: str, names: str) -> list[str]:
    """Return a service's actions, of which `names` has the names, between spaces."""
    return [f"{service}:{name}" for name in names.split()]


def allow(
    role: iam.Role,
    permitted: Sequence[str],
    *resources: str,
    conditions: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Add a statement to a role. `reason` says why some of the resources have a `*`."""
    role.add_to_policy(
        iam.PolicyStatement(
            actions=list(permitted), resources=list(resources), conditions=conditions
        )
    )
    for resource in resources:
        if "*" in resource:
            acknowledge_wildcard(role, resource, reason)


def _shown(resolved: Any) -> str:
    """Return an ARN as cdk-nag writes it, with references in angle brackets."""
    match resolved:
        case str(text):
            return text
        case {"Fn::Join": ["", parts]}:
            return "".join(map(_shown, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
    raise ValueError(f"cannot show {resolved}")
