"""A change of images alone: CloudFormation's role for it, and what is said where it fails."""

from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.deployment import Deployment
from infra.configuration.stage import StageConfiguration
from infra.stages import PROJECT
from scripts.common.errors import CommandError
from scripts.deploy import image_update
from scripts.deploy.account import Account
from scripts.deploy.delivery import deployed_concurrency
from scripts.deploy.image_update import update_images

ROLE = "arn:aws:iam::123456789012:role/evergreen-prod-image-changes"
CREATED = {"CreationTime": "2026-11-01T00:00:00Z"}


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(image_update, "DELAY_SECONDS", 0)
    made = boto3.client("cloudformation", region_name="eu-central-1")
    with Stubber(made) as stub:
        yield made, stub


@pytest.fixture
def update(client, monkeypatch):
    """Update the stage's images with these templates; return the context of the synthesis."""

    def run(templates, **options):
        given = []

        def synthesise(stage, context):
            given.append((stage, context))
            return {f"evergreen-prod-{name}": each for name, each in templates.items()}

        monkeypatch.setattr(image_update, "synthesise", synthesise)
        session = SimpleNamespace(client=lambda name, config: client[0])
        account = Account("123456789012", "eu-central-1", session)  # type: ignore[arg-type]
        stage = StageConfiguration(
            name="prod", region="eu-central-1", environments=("prod",), **options
        )
        update_images(account, Deployment(PROJECT, stage), {"function_image": "sha256:1"})
        return given

    return run


def asked(name, body):
    return {
        "StackName": f"evergreen-prod-{name}",
        "TemplateBody": body,
        "RoleARN": ROLE,
        "Capabilities": ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"),
    }


def described(name, status):
    stack = {"StackName": f"evergreen-prod-{name}", "StackStatus": status, **CREATED}
    return {"Stacks": [stack]}


def test_each_stack_with_an_image_is_updated_with_the_role_for_that_in_turn(client, update):
    _, stub = client
    for name in ("function", "bulk"):
        stub.add_response("update_stack", {"StackId": name}, asked(name, f'{{"is":"{name}"}}'))
        for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"):
            stub.add_response("describe_stacks", described(name, status))
    templates = {name: {"is": name} for name in ("function", "bulk", "watch")}
    given = update(templates, bulk=BulkConfiguration())
    stub.assert_no_pending_responses()
    assert given == [("prod", {"function_image": "sha256:1"})]


def test_a_stack_that_has_this_image_already_is_done(client, update):
    _, stub = client
    stub.add_client_error("update_stack", "ValidationError", "No updates are to be performed.", 400)
    update({"function": {}})
    stub.assert_no_pending_responses()


def test_a_refusal_is_an_error(client, update):
    client[1].add_client_error("update_stack", "AccessDenied", "not authorized", 403)
    with pytest.raises(CommandError, match=r"CloudFormation: .*not authorized"):
        update({"function": {}})


def test_the_first_failure_of_the_update_is_named_and_none_of_an_earlier_one(client, update):
    _, stub = client
    stub.add_response("update_stack", {"StackId": "function"})
    stub.add_response("describe_stacks", described("function", "UPDATE_ROLLBACK_COMPLETE"))
    events = [
        ("Alias", "UPDATE_FAILED", "Resource update cancelled"),
        ("Topic", "CREATE_FAILED", "not authorized to perform: SNS:CreateTopic"),
        ("evergreen-prod-function", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Old", "UPDATE_FAILED", "long ago"),
    ]
    stub.add_response(
        "describe_stack_events",
        {
            "StackEvents": [
                {
                    "StackId": "function",
                    "EventId": str(number),
                    "StackName": "evergreen-prod-function",
                    "LogicalResourceId": resource,
                    "ResourceStatus": status,
                    "ResourceStatusReason": reason,
                    "Timestamp": "2026-11-01T00:00:00Z",
                }
                for number, (resource, status, reason) in enumerate(events)
            ]
        },
    )
    with pytest.raises(CommandError, match=r"not updated: Topic: not authorized .*CreateTopic"):
        update({"function": {}})


def test_a_template_that_needs_a_bucket_is_refused(update):
    with pytest.raises(CommandError, match="too large"):
        update({"function": {"x": "y" * 60_000}})


@pytest.mark.parametrize(
    ("outputs", "free"), [({"FreeConcurrency": "10"}, 10), ({"Url": "x"}, None)]
)
def test_only_the_image_changes_though_the_account_has_more_executions_by_now(
    client, outputs, free
):
    made, stub = client
    (stack,) = described("function", "UPDATE_COMPLETE")["Stacks"]
    given = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stub.add_response("describe_stacks", {"Stacks": [{**stack, "Outputs": given}]})
    session = SimpleNamespace(client=lambda name, config: made)
    account = Account("123456789012", "eu-central-1", session)  # type: ignore[arg-type]
    assert deployed_concurrency(account, "evergreen-prod-function") == free
