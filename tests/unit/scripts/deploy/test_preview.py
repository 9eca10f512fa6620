"""Previews of pull requests: made, updated, mended and deleted by CloudFormation's own role."""

import io
import json
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import stages
from infra.configuration.deployment import Deployment
from infra.configuration.sandbox import SandboxConfiguration
from infra.stages import PROJECT
from scripts import destroy, sandbox
from scripts.common.command_line import run
from scripts.common.errors import CommandError, NotFoundError, UsageError
from scripts.deploy import preview
from scripts.deploy.account import Account
from scripts.deploy.preview import delete_preview, deploy_preview, list_previews
from scripts.deploy.stacks import load_sandbox, load_stage
from scripts.workflow import deploy_preview as deploy_command
from scripts.workflow import destroy_previews

NUMBER, REGION = "123456789012", "eu-central-1"
SANDBOX = SandboxConfiguration(account=NUMBER, region=REGION)
STACK, DIGEST = "evergreen-pr-7-function", f"sha256:{'ab' * 32}"
ROLE = f"arn:aws:iam::{NUMBER}:role/evergreen-preview-changes"
BUCKET = f"evergreen-preview-assets-{NUMBER}-{REGION}"
TEMPLATE = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}


class CloudFormation:
    """CloudFormation of an account: the statuses that a stack goes through, and what was asked."""

    def __init__(self, **statuses):
        self.stacks = {name: [status] for name, status in statuses.items()}
        self.calls, self.after, self.events = [], {}, []

    def describe_stacks(self, StackName):  # noqa: N803 -- boto3's
        found = self.stacks.get(StackName)
        if not found or found[0] == "DELETE_COMPLETE":
            raise ClientError({"Error": {"Code": "x", "Message": "does not exist"}}, "Describe")
        status = found.pop(0) if len(found) > 1 else found[0]
        outputs = [{"OutputKey": "Url", "OutputValue": "https://a"}]
        return {"Stacks": [{"StackStatus": status, "Outputs": outputs}]}

    def _change(self, kind, given):
        self.calls.append((kind, given))
        outcome = self.after.get(kind, f"{kind.upper()}_COMPLETE")
        if isinstance(outcome, Exception):
            raise outcome
        self.stacks[given["StackName"]] = [f"{kind.upper()}_IN_PROGRESS", outcome]

    def create_stack(self, **given):
        self._change("create", given)

    def update_stack(self, **given):
        self._change("update", given)

    def delete_stack(self, **given):
        self._change("delete", given)

    def describe_stack_events(self, StackName):  # noqa: N803
        return {"StackEvents": self.events}

    def get_paginator(self, _):
        summaries = [{"StackName": k, "StackStatus": v[0]} for k, v in self.stacks.items()]
        return SimpleNamespace(paginate=lambda: [{"StackSummaries": summaries}])


@pytest.fixture
def account(monkeypatch, tmp_path):
    """An account with nothing in it, whose stacks go live at once."""
    monkeypatch.setattr(stages, "SANDBOX", SANDBOX, raising=False)
    cloudformation, uploads = CloudFormation(), []
    s3 = SimpleNamespace(put_object=lambda **given: uploads.append(given))
    clients = {"cloudformation": cloudformation, "s3": s3}
    session = SimpleNamespace(client=lambda name, config=None: clients[name])
    monkeypatch.setattr(Account, "free_concurrency", lambda *_: 900)
    monkeypatch.setattr(preview, "live_digest", lambda *_: DIGEST)
    monkeypatch.setattr(preview, "check_answers", lambda *_, **__: "positive")
    monkeypatch.setattr(preview, "ASSEMBLY", tmp_path)
    given = []

    def synthesise(stage, context):
        given.append((stage, context))
        return {STACK: TEMPLATE}

    monkeypatch.setattr(preview, "synthesise", synthesise)
    (tmp_path / "asset.1").mkdir()
    (tmp_path / "asset.1" / "handler.py").write_text("x = 1")
    target = {"bucketName": BUCKET, "objectKey": "1.zip"}
    files = {
        "1": {
            "source": {"packaging": "zip", "path": "asset.1"},
            "destinations": {"d": target},
        },
        "2": {"source": {"packaging": "file", "path": "t.json"}, "destinations": {"d": target}},
    }
    (tmp_path / f"{STACK}.assets.json").write_text(json.dumps({"files": files}))
    made = Account(NUMBER, REGION, session)  # type: ignore[arg-type]
    return SimpleNamespace(
        account=made, cloudformation=cloudformation, uploads=uploads, contexts=given
    )


def deploy(account):
    project, stage = load_stage("pr-7")
    return deploy_preview(account.account, Deployment(project, stage), DIGEST, sleep=lambda _: None)


def delete(account, name="pr-7"):
    return delete_preview(account.account, PROJECT, name, sleep=lambda _: None)


def kinds(account):
    return [kind for kind, _ in account.cloudformation.calls]


def test_a_preview_is_made_by_the_role_for_that(account):
    assert deploy(account) == "https://a"
    ((kind, given),) = account.cloudformation.calls
    assert (kind, given["StackName"], given["RoleARN"]) == ("create", STACK, ROLE)
    assert json.loads(given["TemplateBody"]) == TEMPLATE
    context = {"stage": "pr-7", "function_image": DIGEST, "free_concurrency": "900"}
    assert account.contexts == [("pr-7", context)]


def test_the_code_of_its_hooks_is_where_its_template_says_and_the_same_each_time(account):
    deploy(account)
    deploy(account)
    first, second = account.uploads
    assert (first["Bucket"], first["Key"]) == (BUCKET, "1.zip")
    assert first["Body"] == second["Body"]
    with zipfile.ZipFile(io.BytesIO(first["Body"])) as archive:
        assert archive.read("handler.py") == b"x = 1"


def test_a_further_push_updates_it_and_the_same_image_changes_nothing(account):
    deploy(account)
    deploy(account)
    message: Any = {"Error": {"Code": "x", "Message": "No updates are to be performed."}}
    account.cloudformation.after["update"] = ClientError(message, "UpdateStack")
    assert deploy(account) == "https://a"
    assert kinds(account) == ["create", "update", "update"]


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"]
)
def test_what_an_earlier_deployment_left_half_made_is_made_again(account, status):
    account.cloudformation.stacks[STACK] = [status]
    deploy(account)
    assert kinds(account) == ["delete", "create"]


def test_one_that_another_job_still_changes_is_waited_for(account):
    account.cloudformation.stacks[STACK] = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    deploy(account)
    assert kinds(account) == ["update"]


def test_a_failure_names_its_cause(account):
    account.cloudformation.after["create"] = "ROLLBACK_COMPLETE"
    account.cloudformation.events = [
        {"LogicalResourceId": STACK, "ResourceStatus": "ROLLBACK_COMPLETE"},
        {
            "LogicalResourceId": "Role",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "not allowed",
        },
        {"LogicalResourceId": STACK, "ResourceStatus": "CREATE_IN_PROGRESS"},
        {
            "LogicalResourceId": "Old",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "of another time",
        },
    ]
    with pytest.raises(CommandError, match="is ROLLBACK_COMPLETE: Role: not allowed"):
        deploy(account)


def test_an_image_that_is_not_live_is_a_failure(account, monkeypatch):
    monkeypatch.setattr(preview, "live_digest", lambda *_: "sha256:other")
    with pytest.raises(CommandError, match="pr-7: sha256:other is live"):
        deploy(account)


def test_a_preview_is_deleted_by_the_same_role_and_only_once(account):
    deploy(account)
    assert delete(account)
    assert account.cloudformation.calls[-1] == (
        "delete",
        {"StackName": STACK, "RoleARN": ROLE},
    )
    account.cloudformation.stacks[STACK] = ["DELETE_COMPLETE"]
    assert not delete(account)
    assert not delete(account, "pr-8")
    assert kinds(account) == ["create", "delete"]


def test_a_deletion_waits_for_the_deployment_under_way(account):
    account.cloudformation.stacks[STACK] = ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
    assert delete(account)
    assert kinds(account) == ["delete"]


def test_what_cannot_be_deleted_is_named(account):
    account.cloudformation.stacks[STACK] = ["CREATE_COMPLETE"]
    account.cloudformation.after["delete"] = "DELETE_FAILED"
    with pytest.raises(CommandError, match=f"{STACK} is DELETE_FAILED"):
        delete(account)


def test_one_that_never_comes_to_rest_is_given_up(account):
    account.cloudformation.stacks[STACK] = ["CREATE_IN_PROGRESS"]
    with pytest.raises(CommandError, match="is CREATE_IN_PROGRESS, after 20 minutes"):
        delete(account)


def test_previews_are_found_by_their_stacks_names_alone(account):
    account.cloudformation.stacks |= {
        "evergreen-pr-12-function": ["CREATE_COMPLETE"],
        STACK: ["ROLLBACK_COMPLETE"],
        "evergreen-pr-9-function": ["DELETE_COMPLETE"],
        "evergreen-nightly-function": ["CREATE_COMPLETE"],
        "evergreen-prod-function": ["CREATE_COMPLETE"],
        "other-pr-3-function": ["CREATE_COMPLETE"],
    }
    assert list_previews(account.account, PROJECT) == ["pr-7", "pr-12"]


def test_without_a_sandbox_there_is_no_such_stage(monkeypatch):
    monkeypatch.setattr(stages, "SANDBOX", None, raising=False)
    for name in ("pr-7", "nightly"):
        with pytest.raises(UsageError, match=rf"{name}: infra/stages\.py names no sandbox"):
            load_stage(name)


def test_a_fork_without_the_new_name_in_its_stages_has_none_either(monkeypatch):
    monkeypatch.delattr(stages, "SANDBOX")
    assert load_sandbox() is None


def test_a_sandbox_in_a_stages_account_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(stages, "SANDBOX", SANDBOX, raising=False)
    filled = [replace(each, account=NUMBER) for each in stages.STAGES]
    monkeypatch.setattr(stages, "STAGES", tuple(filled))
    with pytest.raises(UsageError, match=r"sandbox\.account: stage dev is in it"):
        load_sandbox()


@pytest.fixture
def command(account, monkeypatch, capfd):
    def call(module, *arguments):
        monkeypatch.setattr(module, "open_account", lambda _: account.account, raising=False)
        monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
        code = 0
        try:
            run(module.main)
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return call


def test_the_command_builds_with_the_models_of_the_checkout(account, command, monkeypatch, source):
    built = []

    def build(_, registry, models, spec, flags):
        built.append((registry.store.location, list(models), spec.repository))
        return DIGEST

    monkeypatch.setattr(deploy_command, "build_and_push", build)
    code, out, err = command(deploy_command, "--stage", "pr-7", "--registry", str(source))
    assert (code, out) == (0, "https://a\n"), err
    assert built == [(str(source), ["sentiment"], "evergreen/preview")]


@pytest.mark.parametrize("name", ["prod", "nightly", "pr-x"])
@pytest.mark.parametrize("module", [deploy_command, destroy_previews])
def test_commands_of_previews_touch_no_other_stage(account, command, module, name):
    code, _, err = command(module, "--stage", name)
    assert (code, account.cloudformation.calls) == (2, [])
    assert "a preview's stage is pr-N" in err


def test_the_command_deletes_one_and_is_done_where_there_is_none(account, command):
    account.cloudformation.stacks[STACK] = ["CREATE_COMPLETE"]
    assert command(destroy_previews, "--stage", "pr-7")[:2] == (0, "pr-7: deleted\n")
    assert command(destroy_previews, "--stage", "pr-7")[:2] == (0, "pr-7: there was none\n")


def test_the_sweep_deletes_those_of_closed_pull_requests_and_of_none(account, command, monkeypatch):
    asked = {"7": "closed", "8": "open", "9": None, "10": "closed"}
    for number in asked:
        account.cloudformation.stacks[f"evergreen-pr-{number}-function"] = ["CREATE_COMPLETE"]

    def github(path):
        number = path.removeprefix("acme/texts/pulls/")
        if asked[number] is None:
            raise NotFoundError("gone")
        return {"state": asked[number]}

    monkeypatch.setattr(destroy_previews, "call_github", github)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    account.cloudformation.stacks["evergreen-pr-7-function"] = ["CREATE_FAILED"]
    code, out, _ = command(destroy_previews, "--closed")
    assert code == 0
    deleted = [given["StackName"] for _, given in account.cloudformation.calls]
    assert deleted == [f"evergreen-pr-{number}-function" for number in (7, 9, 10)]
    assert "pr-8: its pull request is open" in out


def test_one_that_cannot_be_deleted_does_not_keep_the_others(account, command, monkeypatch):
    for number in (7, 8):
        account.cloudformation.stacks[f"evergreen-pr-{number}-function"] = ["CREATE_COMPLETE"]
    monkeypatch.setattr(destroy_previews, "call_github", lambda _: {"state": "closed"})
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    account.cloudformation.after["delete"] = "DELETE_FAILED"
    code, _, err = command(destroy_previews, "--closed")
    assert code == 1
    assert "evergreen-pr-7-function is DELETE_FAILED" in err
    assert "evergreen-pr-8-function is DELETE_FAILED" in err


def test_where_github_does_not_answer_nothing_is_deleted(account, command, monkeypatch):
    account.cloudformation.stacks[STACK] = ["CREATE_COMPLETE"]

    def silent(_):
        raise CommandError("GitHub cannot be reached")

    monkeypatch.setattr(destroy_previews, "call_github", silent)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    code, _, _ = command(destroy_previews, "--closed")
    assert (code, account.cloudformation.calls) == (1, [])


@pytest.fixture
def in_sandbox(cloud, monkeypatch):
    """An account of moto's that is the sandbox."""
    monkeypatch.setattr(stages, "SANDBOX", SANDBOX, raising=False)
    return cloud


def called(cloud, *stack):
    return [
        (each.command, each.context.get("stage"))
        for each in cloud.cdk.calls
        if list(stack) == list(each.stacks)
    ]


def test_the_sandbox_is_made_once_and_bootstrapped_first(in_sandbox, line):
    code, _, err = line(sandbox, "--yes")
    assert code == 0, err
    assert in_sandbox.cdk.calls[0].command == "bootstrap"
    assert called(in_sandbox, "evergreen-sandbox") == [("deploy", "sandbox")]
    assert in_sandbox.cdk.calls[-1].context["github_oidc"] == "create"


def test_it_is_removed_with_the_code_in_its_bucket_unless_previews_stand_on_it(in_sandbox, line):
    line(sandbox, "--yes")
    s3 = boto3.client("s3")
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    s3.put_object(Bucket=BUCKET, Key="1.zip", Body=b"x")
    in_sandbox.cdk.run(["deploy", "evergreen-pr-7-watch"])
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    code, _, err = line(sandbox, "--remove")
    assert code == 2
    assert "pr-7 still stand on it" in err
    boto3.client("cloudformation").delete_stack(StackName=STACK)
    code, _, err = line(sandbox, "--remove")
    assert code == 0, err
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert called(in_sandbox, "evergreen-sandbox")[-1] == ("destroy", "sandbox")


def test_without_a_name_in_the_stages_nothing_is_made(cloud, line, monkeypatch):
    monkeypatch.setattr(stages, "SANDBOX", None, raising=False)
    code, _, err = line(sandbox, "--yes")
    assert (code, cloud.cdk.calls) == (2, [])
    assert "docs/sandbox.md" in err


def test_in_the_sandbox_the_foundation_is_deleted_with_its_models(in_sandbox, line):
    in_sandbox.cdk.run(["deploy", "evergreen-foundation", "--context=stage=nightly"])
    bucket = f"evergreen-models-{NUMBER}-{REGION}"
    boto3.client("s3").put_object(Bucket=bucket, Key="sentiment/x", Body=b"{}")
    in_sandbox.cdk.calls.clear()
    code, _, err = line(destroy, "--stage", "foundation", "--yes")
    assert code == 0, err
    assert called(in_sandbox, "evergreen-foundation") == [("destroy", "nightly")]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=bucket)
