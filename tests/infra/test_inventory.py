"""The inventory is that of the stacks, and a change of theirs is a line of its diff."""

import copy

import pytest

from tests.infra.inventory import FOLDER, differences, inventories, inventory

FUNCTION, FOUNDATION = "evergreen-prod-function", "evergreen-foundation"


def test_the_inventory_is_that_of_the_stacks(scaled):
    written = {path.stem: path.read_text() for path in FOLDER.glob("*.txt")}
    changes = differences(written, inventories(scaled))
    assert not changes, "\n".join([*changes, "if that is meant: make inventory"])


def named(resources, start, kind):
    """The one resource of a type whose logical id starts so."""
    (found,) = (
        each
        for name, each in resources.items()
        if name.startswith(start) and each["Type"] == f"AWS::{kind}"
    )
    return found


def policy(resources, start):
    return named(resources, start, "IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]


def trust(resources, start):
    role = named(resources, start, "IAM::Role")["Properties"]
    return role["AssumeRolePolicyDocument"]["Statement"]


def rename(resources):
    (old,) = (name for name in resources if name.startswith("InferenceFunction05"))
    resources["InferenceFunctionRenamed"] = resources.pop(old)


def let_anybody_call(resources):
    permission = named(resources, "DoorApi", "Lambda::Permission")["Properties"]
    permission.pop("SourceArn")
    permission["Principal"] = "*"


@pytest.mark.parametrize(
    ("stack", "change", "line"),
    [
        (FUNCTION, rename, "+InferenceFunctionRenamed  Lambda::Function  'evergreen-prod'"),
        (
            FUNCTION,
            lambda made: named(made, "Inference", "Lambda::Alias")["Properties"].update(Name="x"),
            "+InferenceLive21DCCE28  Lambda::Alias  'x'",
        ),
        (
            FUNCTION,
            lambda made: policy(made, "InferenceRole")[1].update(Action="logs:*"),
            "+    Allow logs:*",
        ),
        (
            FUNCTION,
            lambda made: policy(made, "InferenceRole")[1].update(Resource="*"),
            "+        on *",
        ),
        (
            FUNCTION,
            lambda made: policy(made, "InferenceRole")[1].update(Effect="Deny"),
            "+    Deny logs:CreateLogStream, logs:PutLogEvents",
        ),
        (
            FUNCTION,
            lambda made: named(made, "Inference", "IAM::Policy")["Properties"].update(
                Roles=[{"Ref": "Other"}]
            ),
            "+    of <Other>",
        ),
        (FUNCTION, let_anybody_call, "+    Allow lambda:InvokeFunction to *"),
        (
            FUNCTION,
            lambda made: named(made, "InferenceLog", "Logs::LogGroup").update(
                DeletionPolicy="Delete"
            ),
            "+InferenceLogC3AC6DCE  Logs::LogGroup  UpdateReplacePolicy=Retain",
        ),
        (
            FUNCTION,
            lambda made: named(made, "Inference", "Lambda::Alias").pop("UpdatePolicy"),
            "-    on update CodeDeployLambdaAliasUpdate ",
        ),
        (
            FOUNDATION,
            lambda made: trust(made, "ImageRolesPush")[0].update(Principal={"AWS": "*"}),
            "+    Allow sts:AssumeRoleWithWebIdentity to *",
        ),
        (
            FOUNDATION,
            lambda made: trust(made, "ImageRolesPush")[0].pop("Condition"),
            "-        if StringEquals token.actions.githubusercontent.com:aud=sts.amazonaws.com",
        ),
        (
            FOUNDATION,
            lambda made: named(made, "DevDeploy", "IAM::Role")["Properties"].update(
                ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]
            ),
            "+    has arn:aws:iam::aws:policy/AdministratorAccess",
        ),
    ],
)
def test_a_change_of_an_id_a_permission_or_a_removal_is_a_line(shipped, stack, change, line):
    template = copy.deepcopy(shipped.templates[stack])
    change(template["Resources"])
    changes = differences(
        {stack: inventory(shipped.templates[stack])}, {stack: inventory(template)}
    )
    assert [each for each in changes if each.startswith(line)], "\n".join(changes)


def test_a_stack_that_comes_or_goes_is_a_difference(shipped):
    text = inventory(shipped.templates[FUNCTION])
    for then, now in (({}, {FUNCTION: text}), ({FUNCTION: text}, {})):
        assert len(differences(then, now)) > len(text.splitlines())
