"""Policy statements of templates, and an evaluation of their conditions."""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infra.synthesis import Assembly, Resource


@dataclass(frozen=True)
class Statement:
    """Statement of a policy; `where` is stack/resource, `kind` identity, trust or resource."""

    where: str
    kind: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principal: Any
    condition: Mapping[str, Mapping[str, Any]]


def documents(resource: Resource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the policies that a resource is or has: `identity`, `trust` or `resource`, document."""
    properties = resource.get("Properties", {})
    kind = "identity" if "IAM" in resource["Type"] else "resource"
    found = [
        ("trust", properties.get("AssumeRolePolicyDocument")),
        (kind, properties.get("PolicyDocument")),
        ("resource", properties.get("RepositoryPolicyText")),
        *(("identity", each["PolicyDocument"]) for each in properties.get("Policies", [])),
    ]
    yield from ((kind, document) for kind, document in found if document)


def statements(assembly: Assembly) -> Iterator[Statement]:
    """Yield every statement of the roles, of policies, and of resources with a policy."""
    for stack, name, resource in assembly.all():
        for kind, document in documents(resource):
            for statement in document["Statement"]:
                yield Statement(
                    f"{stack}/{name}",
                    kind,
                    statement["Effect"],
                    tuple(map(str, many(statement.get("Action", statement.get("NotAction"))))),
                    tuple(written(each) for each in many(statement.get("Resource", []))),
                    statement.get("Principal"),
                    statement.get("Condition", {}),
                )


def many(value: Any) -> list[Any]:
    """Return a value as a list, unless it is one."""
    return value if isinstance(value, list) else [value]


def written(value: Any) -> str:
    """Return an ARN with references in angle brackets."""
    match value:
        case str(text):
            return text
        case {"Fn::Join": [str(between), parts]}:
            return between.join(map(written, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return f"<{written(name)}>"
        case {"Fn::Select": [int(place), {"Fn::Split": [str(between), whole]}]}:
            return f"<{written(whole)}, by '{between}': {place}>"
        case {"Fn::Sub": str(text)}:
            return text.replace("${", "<").replace("}", ">")
    raise AssertionError(f"not an ARN: {value}")


def holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Return whether IAM accepts a condition: any value of every key of every operator.

    A key that the request does not have fails.
    """
    operators = {
        "StringEquals": lambda actual, pattern: actual == pattern,
        "StringLike": fnmatch.fnmatchcase,
    }
    return all(
        key in context and any(operators[operator](context[key], each) for each in many(values))
        for operator, keys in condition.items()
        for key, values in keys.items()
    )
