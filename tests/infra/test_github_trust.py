"""Jobs on GitHub that get a role: the trust policies, evaluated as IAM evaluates them."""

import pytest

from infra.components.stage_roles import REFRESH_WORKFLOW
from tests.commands import REPOSITORY
from tests.infra.policies import holds, statements

ISSUER = "token.actions.githubusercontent.com"
NEW, OLD = "repo:acme@11/texts@22", "repo:acme/texts"
MAIN = "refs/heads/main"


def job(
    context: str,
    *,
    form: str = NEW,
    ref: str = MAIN,
    repository: str = "22",
    workflow: str = "refresh-model",
) -> dict[str, str]:
    """Return the claims of a job's token, under IAM's keys."""
    return {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": f"{form}:{context}",
        f"{ISSUER}:ref": ref,
        f"{ISSUER}:repository_id": repository,
        f"{ISSUER}:workflow": workflow,
    }


@pytest.fixture(scope="session")
def lets_in(shipped):
    """Return whether a role accepts a job."""
    trusts = {
        name: role["Properties"]["RoleName"]
        for stack, name, role in shipped.all("AWS::IAM::Role")
        if stack == "evergreen-foundation"
    }
    conditions = {
        trusts[each.where.split("/")[1]]: each.condition
        for each in statements(shipped)
        if each.kind == "trust"
        and each.where.startswith("evergreen-foundation/")
        and "Service" not in each.principal
    }
    assert set(conditions) == {
        "evergreen-push",
        "evergreen-refresh",
        "evergreen-dev-deploy",
        "evergreen-prod-deploy",
        "evergreen-prod-refresh",
    }
    return lambda role, job: holds(conditions[role], job)


@pytest.mark.parametrize("form", [NEW, OLD])
@pytest.mark.parametrize(
    ("role", "context"),
    [
        ("evergreen-push", f"ref:{MAIN}"),
        ("evergreen-refresh", f"ref:{MAIN}"),
        ("evergreen-dev-deploy", "environment:dev"),
        ("evergreen-prod-deploy", "environment:prod"),
        ("evergreen-prod-refresh", "environment:prod-refresh"),
    ],
)
def test_the_repository_gets_in_by_both_forms_of_its_name(lets_in, role, context, form):
    assert lets_in(role, job(context, form=form))


OWN = {
    "evergreen-push": f"ref:{MAIN}",
    "evergreen-refresh": f"ref:{MAIN}",
    "evergreen-dev-deploy": "environment:dev",
    "evergreen-prod-deploy": "environment:prod",
    "evergreen-prod-refresh": "environment:prod-refresh",
}
ROLES = list(OWN)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "changed",
    [
        {"form": "repo:acme@11/other@23", "repository": "23"},
        {"form": "repo:acme/other", "repository": "23"},
        {"form": "repo:someone/texts", "repository": "99"},
        {"form": "repo:someone@99/texts@22"},
        {"form": "repo:acme@12/texts@23", "repository": "23"},
        {"form": "repo:acme/texts", "repository": "23"},
        {"form": "repo:acme@11/texts@22@x"},
        {"ref": "refs/heads/feature"},
        {"ref": "refs/pull/7/merge"},
        {"ref": "refs/tags/main"},
    ],
    ids=[
        "another repository",
        "another repository, older form",
        "another owner",
        "another owner with this repository's number",
        "the names under new numbers",
        "the names, older form, under a new number",
        "something longer",
        "another branch",
        "a pull request",
        "a tag named like the branch",
    ],
)
def test_others_stay_out(lets_in, role, changed):
    assert lets_in(role, job(OWN[role]))
    assert not lets_in(role, job(OWN[role], **changed))


@pytest.mark.parametrize(
    ("role", "context"),
    [
        ("evergreen-dev-deploy", "environment:prod"),
        ("evergreen-prod-deploy", "environment:dev"),
        ("evergreen-prod-deploy", "environment:prod-refresh"),
        ("evergreen-prod-refresh", "environment:prod"),
        ("evergreen-prod-refresh", f"ref:{MAIN}"),
        ("evergreen-prod-deploy", "environment:PROD"),
        ("evergreen-prod-deploy", f"ref:{MAIN}"),
        ("evergreen-prod-deploy", "pull_request"),
        ("evergreen-push", "environment:dev"),
        ("evergreen-push", "ref:refs/heads/main2"),
        ("evergreen-push", "pull_request"),
        ("evergreen-refresh", "ref:refs/heads/*"),
    ],
)
def test_another_branch_or_environment_of_the_repository_stays_out(lets_in, role, context):
    for form in (NEW, OLD):
        assert not lets_in(role, job(context, form=form))


@pytest.mark.parametrize("workflow", ["deploy", "rollback", "refresh-model.yml", ""])
def test_a_push_workflow_on_main_in_the_environment_of_the_refresh_stays_out(lets_in, workflow):
    claims = job("environment:prod-refresh", workflow=workflow)
    for role in ROLES:
        assert not lets_in(role, claims), role


def test_the_role_of_the_refresh_trusts_the_workflow_by_its_name():
    workflow = (REPOSITORY / ".github/workflows/refresh-model.yml").read_text()
    assert f"\nname: {REFRESH_WORKFLOW}\n" in workflow


@pytest.mark.parametrize("missing", ["aud", "sub", "ref", "repository_id"])
def test_a_token_that_does_not_say_it_stays_out(lets_in, missing):
    claims = job("environment:prod")
    del claims[f"{ISSUER}:{missing}"]
    assert not lets_in("evergreen-prod-deploy", claims)


def test_a_repository_that_was_not_filled_in_lets_nobody_in():
    from infra.stages import PROJECT

    repository = PROJECT.repository
    assert not repository.filled_in, "the template itself must not trust anybody's repository"
    # GitHub numbers from 1: no token says `repository_id` 0, which every trust policy asks for.
    assert repository.repository_id == 0


def test_only_the_provider_for_github_is_trusted(shipped, options):
    for assembly in (shipped, options):
        for each in statements(assembly):
            if each.kind == "trust" and "oidc" in str(each.principal).lower():
                assert each.actions == ("sts:AssumeRoleWithWebIdentity",)
                assert set(each.condition) == {"StringEquals"}, "no pattern, only equality"
