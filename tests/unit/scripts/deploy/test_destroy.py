"""What was deployed goes again, and what others stand on does not."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from infra import stages
from infra.stages import DEV, PROD
from scripts import destroy
from scripts.common.command_line import run
from scripts.deploy.account import Account
from tests.stand_ins.account import BUCKET

FUNCTION, WATCH = "evergreen-dev-function", "evergreen-dev-watch"


@pytest.fixture
def deployed(cloud, monkeypatch):
    """A foundation and the stage dev, as a deployment leaves them."""
    cloud.cdk.run(["deploy", "evergreen-foundation", WATCH])
    boto3.client("ssm").put_parameter(
        Name="/evergreen/dev/api-key-sha256", Value="ab" * 32, Type="String"
    )
    cloud.cdk.calls.clear()
    return cloud


@pytest.fixture
def do(deployed, monkeypatch, capfd):
    def command(*arguments, typed=""):
        monkeypatch.setattr("builtins.input", lambda _: typed)
        monkeypatch.setattr(sys, "argv", ["destroy", *arguments])
        code = 0
        try:
            run(destroy.main)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, capfd.readouterr().err

    return command


def stacks():
    return {
        each["StackName"] for each in boto3.client("cloudformation").describe_stacks()["Stacks"]
    }


def test_a_stage_goes_with_its_key_and_leaves_the_foundation(do, deployed):
    code, err = do("--stage", "dev", typed="dev")
    assert code == 0, err
    (call,) = deployed.cdk.calls
    assert call.command == "destroy"
    assert call.stacks == [FUNCTION, WATCH]
    assert stacks() == {"evergreen-foundation"}
    found = boto3.client("ssm").get_parameters(Names=["/evergreen/dev/api-key-sha256"])
    assert found["Parameters"] == []
    assert "nothing was kept" in err


@pytest.mark.parametrize("typed", ["", "prod", "y"])
def test_nothing_goes_unless_its_name_is_typed(do, deployed, typed):
    code, err = do("--stage", "dev", typed=typed)
    assert code == 2
    assert "nothing was removed" in err
    assert deployed.cdk.calls == []


def test_the_foundation_stays_while_a_stage_stands_on_it(do, deployed):
    code, err = do("--stage", "foundation", "--yes")
    assert code == 2
    assert f"{WATCH} still stand on it" in err
    assert deployed.cdk.calls == []


def test_the_foundation_goes_last_and_says_what_it_leaves(do, deployed, monkeypatch):
    do("--stage", "dev", "--yes")
    unprotected = []
    # Moto does not know this call; the next test has it checked against AWS's own model.
    monkeypatch.setattr(destroy, "allow_deletion", lambda _, stack: unprotected.append(stack))
    code, err = do("--stage", "foundation", "--yes")
    assert code == 0, err
    assert unprotected == ["evergreen-foundation"]
    assert stacks() == set()
    assert f"kept were the bucket {BUCKET}" in err


def test_the_foundation_that_goes_is_that_of_the_credentials_account(do, deployed, monkeypatch):
    """With an account for each stage, prod's could else never go."""
    do("--stage", "dev", "--yes")
    elsewhere = replace(DEV, account="999999999999")
    here = replace(PROD, account="123456789012")
    monkeypatch.setattr(stages, "STAGES", (elsewhere, here))
    monkeypatch.setattr(destroy, "allow_deletion", lambda *_: None)
    code, err = do("--stage", "foundation", "--yes")
    assert code == 0, err
    assert deployed.cdk.calls[-1].context["stage"] == "prod"
    assert stacks() == set()
    code, err = do("--stage", "foundation", "--yes")
    assert code == 2
    assert "evergreen-foundation is not in account 123456789012" in err


def test_a_part_that_the_stage_no_longer_has_keeps_the_foundation(do, deployed):
    do("--stage", "dev", "--yes")
    context = ("--context=stage=dev", "--context=function_image=sha256:1")
    deployed.cdk.run(["deploy", "evergreen-dev-bulk", *context])
    code, err = do("--stage", "foundation", "--yes")
    assert code == 2
    assert "evergreen-dev-bulk still stand on it" in err


def test_a_stack_that_was_protected_can_be_removed():
    client = boto3.client("cloudformation", region_name="eu-central-1")
    with Stubber(client) as stub:
        stub.add_response(
            "update_termination_protection",
            {"StackId": "x"},
            {"EnableTerminationProtection": False, "StackName": "evergreen-foundation"},
        )
        session = SimpleNamespace(client=lambda name, config: client)
        account = Account("1", "eu-central-1", session)  # type: ignore[arg-type]
        destroy.allow_deletion(account, "evergreen-foundation")
        stub.assert_no_pending_responses()


def test_a_bucket_that_is_not_kept_is_emptied_of_every_version(deployed):
    client = boto3.client("s3")
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"1", b"2"):
        client.put_object(Bucket=BUCKET, Key="a", Body=content)
    client.delete_object(Bucket=BUCKET, Key="a")
    session = boto3.Session(region_name="eu-central-1")
    destroy.empty_bucket(Account("123456789012", "eu-central-1", session), BUCKET)
    left = client.list_object_versions(Bucket=BUCKET)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")
