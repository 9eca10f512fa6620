"""The role for a change of images may do what CloudFormation does for that, and no more."""

import fnmatch
import json
from dataclasses import replace

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.configuration.checks import ConfigurationError
from infra.stages import PROD
from scripts.deploy.image_update import LARGEST_TEMPLATE
from tests.infra.policies import many, statements, written
from tests.infra.scaled import HEAVY
from tests.infra.synthesis import DIGEST, synthesise

OTHER = "sha256:" + "cd" * 32
EVERYTHING = replace(HEAVY, refresh_environment="refresh", function=PROD.function)
STACKS = [f"evergreen-{EVERYTHING.name}-{part}" for part in EVERYTHING.image_parts]
# Calls of CloudFormation for options that our functions, alarms and tasks do not have: code in a
# bucket, a network, a file system, keys of one's own, layers, signed code, capacity providers.
NOT_MADE = {
    "codedeploy:RegisterOnPremisesInstance",
    "lambda:AssociateRuntimeAlias",
    "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:GetCodeSigningConfig",
    "lambda:PassCapacityProvider",
    "lambda:PutFunctionCodeSigningConfig",
}
SERVICES_NOT_USED = ("ec2", "elasticfilesystem", "kms", "s3", "s3files")


@pytest.fixture(scope="module")
def images(project):
    """The same stages with two images."""
    stages = [EVERYTHING, replace(EVERYTHING, name="other", refresh_environment="")]
    return [
        synthesise(project, stages, function_image=image, server_image=image)
        for image in (DIGEST, OTHER)
    ]


@pytest.fixture(scope="module")
def changes(images):
    """Type of each resource that another image changes, and the handler that CloudFormation runs.

    A version and an alarm are replaced. CloudFormation keeps the old version, and deletes the new
    one where the update is rolled back.
    """
    before, after = ({name: each.templates[name] for name in STACKS} for each in images)
    found = set()
    for stack in STACKS:
        old, new = before[stack]["Resources"], after[stack]["Resources"]
        for name in {*old, *new}:
            if old.get(name) != new.get(name):
                kind = (new.get(name) or old[name])["Type"]
                replaced = "Version" in kind or "Alarm" in kind or "TaskDefinition" in kind
                handlers = ["create", "read", "delete"] if replaced else ["update", "read"]
                found |= {(kind, handler) for handler in handlers}
    # Its alarms carry the version, and it names them.
    return {*found, ("AWS::CodeDeploy::DeploymentGroup", "update"), ("AWS::ECS::Service", "update")}


def may(assembly, role):
    return {
        action
        for each in statements(assembly)
        if each.kind == "identity" and f"/{role}" in each.where
        for action in each.actions
    }


def test_another_image_changes_no_role_no_policy_and_no_machine(changes):
    assert {kind for kind, _ in changes} == {
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
        "AWS::CloudWatch::Alarm",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::ECS::TaskDefinition",
        "AWS::ECS::Service",
    }


def test_the_role_may_do_what_cloudformation_says_that_it_calls(images, changes):
    allowed = may(images[0], "HeavyRefreshImages")
    for kind, handler in sorted(changes):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema
        needed = {
            action
            for action in schema["handlers"][handler]["permissions"]
            if action.partition(":")[0] not in SERVICES_NOT_USED
        }
        assert needed - NOT_MADE <= allowed, (kind, handler, sorted(needed - NOT_MADE - allowed))


def test_the_role_may_create_nothing_that_lasts(images):
    allowed = may(images[0], "HeavyRefreshImages")
    created = {each for each in allowed if each.partition(":")[2].startswith("Create")}
    assert created == {"codedeploy:CreateDeployment"}
    assert not {each for each in allowed if each.startswith(("sts:", "cloudformation:"))}
    assert {each for each in allowed if each.startswith("iam:")} == {"iam:GetRole", "iam:PassRole"}


def test_the_role_deletes_versions_of_both_functions_and_no_function(images):
    (deletes,) = (
        each.resources
        for each in statements(images[0])
        if "lambda:DeleteFunction" in each.actions and "/HeavyRefreshImages" in each.where
    )
    names = {each.partition(":function:")[2] for each in deletes}
    assert names == {"evergreen-heavy:*", "evergreen-heavy-bulk:*"}


def generated(stack, resource):
    """Return the name that CloudFormation generates: 64 characters, at least 24 of the stack's."""
    room = 64 - len("--1A2B3C4D5E6F7")
    kept = stack[: max(24, room - len(resource))]
    return f"{kept}-{resource[: room - len(kept)]}-1A2B3C4D5E6F7"


@pytest.mark.parametrize("name", ["evergreen", "seventeen-letters"])
def test_the_role_reaches_functions_and_roles_though_their_names_are_cut(project, name):
    assembly = synthesise(replace(project, name=name), [replace(EVERYTHING, service=None)])
    for kind, action, before in (
        ("AWS::Lambda::Function", "lambda:UpdateFunctionCode", ":function:"),
        ("AWS::IAM::Role", "iam:PassRole", ":role/"),
    ):
        (allowed,) = (
            [each.partition(before)[2] for each in statement.resources]
            for statement in statements(assembly)
            if action in statement.actions and "/HeavyRefreshImages" in statement.where
        )
        named = [
            resource["Properties"].get("FunctionName", generated(stack, id_))
            for stack, id_, resource in assembly.all(kind)
            if stack.endswith(("-heavy-function", "-heavy-bulk"))
        ]
        assert len(named) > 3
        for each in named:
            assert any(fnmatch.fnmatchcase(each, pattern) for pattern in allowed), each
        for other in (f"{name}-heavy2", generated(f"{name}-heavy2-function", "RolloutGroup")):
            assert not any(fnmatch.fnmatchcase(other, pattern) for pattern in allowed), other


def test_a_name_too_long_to_tell_stages_apart_is_refused(project):
    with pytest.raises(ConfigurationError, match="'a-project-of-20-char-heavy' has 26 characters"):
        synthesise(replace(project, name="a-project-of-20-char"), [EVERYTHING])


def test_the_refresh_may_update_stacks_with_that_role_alone(images):
    (update,) = (
        each for each in statements(images[0]) if "cloudformation:UpdateStack" in each.actions
    )
    assert update.actions == ("cloudformation:UpdateStack",)
    (role,) = update.condition["StringEquals"].values()
    assert role["Fn::GetAtt"][0].startswith("HeavyRefreshImagesRole")
    names = {resource.partition(":stack/")[2] for resource in update.resources}
    assert names == {f"{stack}/*" for stack in STACKS}
    assert "sts:AssumeRole" not in may(images[0], "HeavyRefreshRole")


def test_every_template_that_the_refresh_sends_fits_into_the_request(images):
    for stack in STACKS:
        body = json.dumps(images[0].templates[stack], separators=(",", ":"))
        assert len(body) < LARGEST_TEMPLATE * 0.8, (stack, len(body))


def test_the_policies_of_a_role_are_no_larger_than_iam_takes(images):
    sizes: dict[str, int] = {}
    for _, _, policy in images[0].all("AWS::IAM::Policy"):
        document = policy["Properties"]["PolicyDocument"]
        # As IAM counts: without white space, and with ARNs in the place of references.
        text = "".join(map(written, resources(document))) + json.dumps(
            [each["Action"] for each in document["Statement"]], separators=(",", ":")
        )
        for role in policy["Properties"]["Roles"]:
            name = str(role)
            sizes[name] = sizes.get(name, 0) + len(text) + 100 * len(document["Statement"])
    assert 4_000 < max(sizes.values()) < 10_240 * 0.9


def resources(document):
    return [each for said in document["Statement"] for each in many(said["Resource"])]
