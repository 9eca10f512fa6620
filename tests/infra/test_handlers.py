"""A version that does not answer gets no traffic, and the waiting service gets a report."""

import json
import subprocess
import sys

import boto3
import pytest

from infra.handlers import first_creation, pre_traffic, smoke
from tests.infra.handler import started
from tests.stand_ins.aws_endpoints import AwsEndpoints, LambdaApiError
from tests.stand_ins.json_server import serving, url

VERSION = "arn:aws:lambda:eu-central-1:123456789012:function:evergreen-dev:7"
HOOK = {"DeploymentId": "d-ABC", "LifecycleEventHookExecutionId": "hook-1"}
CREATE = {
    "RequestType": "Create",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "FirstVersion",
}
KEY_DIGEST = "ab" * 32
MODES = {
    "public": {"AUTH": "public"},
    "iam": {"AUTH": "iam"},
    "jwt": {"AUTH": "jwt"},
    "key": {"AUTH": "key", "API_KEY_SHA256": KEY_DIGEST},
}


class FakeVersions:
    """Versions of the function. refusals: error codes that Lambda's API answers with first."""

    def __init__(self):
        self.by_arn, self.refusals, self.events = {}, [], []

    def invoke(self, arn, event):
        if self.refusals:
            raise LambdaApiError(self.refusals.pop(0))
        self.events.append(event)
        return self.by_arn[arn](event)


@pytest.fixture
def versions():
    return FakeVersions()


@pytest.fixture
def aws(versions, monkeypatch):
    """AWS on loopback, a hook's environment, and no waiting."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "VERSION_ARN": VERSION,
        "AUTH": "public",
        "ERRORS_PERCENT": "5",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(smoke, "PAUSE_SECONDS", 0)
    server = AwsEndpoints(versions.invoke)
    with serving(server) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield server


@pytest.fixture
def deploy(aws, versions, monkeypatch, tmp_path):
    """Put the real handler behind the version's ARN."""
    running = []

    def deployed(auth="public", ordered=None):
        context = started(tmp_path / auth, **MODES[auth])
        running.append(context)
        versions.by_arn[VERSION] = context.__enter__()
        monkeypatch.setenv("AUTH", ordered or auth)

    yield deployed
    for context in running:
        context.__exit__(None, None, None)


def status_of(aws):
    """The status that CodeDeploy got, once, of the right deployment."""
    (report,) = aws.codedeploy.reports
    assert report["deploymentId"] == "d-ABC"
    assert report["lifecycleEventHookExecutionId"] == "hook-1"
    return report["status"]


@pytest.mark.parametrize("auth", MODES)
def test_a_good_version_gets_traffic_with_every_check_of_callers(aws, deploy, auth, capsys):
    deploy(auth)
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Succeeded"
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["version_arn"] == VERSION
    assert line["outcome"].startswith("sentiment 2026")


def test_the_version_is_warmed_and_asked_as_the_gateway_asks(aws, versions, deploy):
    deploy()
    pre_traffic.handler(HOOK, None)
    assert versions.events[0] == {"source": "aws.events"}
    asked = [event["requestContext"]["http"] for event in versions.events[1:]]
    assert [(http["method"], http["path"]) for http in asked] == [
        ("GET", "/health/ready"),
        *[("POST", "/v1/predict")] * (1 + smoke.CALLS),
    ]


@pytest.mark.parametrize("auth", ["public", "key"])
@pytest.mark.parametrize(
    ("every", "status"), [(5, "Failed"), (10, "Failed"), (30, "Succeeded"), (1000, "Succeeded")]
)
def test_a_version_that_fails_often_gets_no_traffic_though_nobody_calls(
    aws, versions, deploy, auth, every, status, capsys
):
    deploy(auth)
    good, calls = versions.by_arn[VERSION], []

    def unsteady(event):
        calls.append(event)
        if len(calls) > 3 and len(calls) % every == 0:
            raise RuntimeError("out of memory")
        return good(event)

    versions.by_arn[VERSION] = unsteady
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == status
    assert ("calls failed, as: it broke" in capsys.readouterr().out) == (status == "Failed")


def test_a_slow_version_is_not_sampled_for_longer_than_the_hook_has(aws, versions, deploy):
    deploy()
    times = iter(range(0, 10_000, 60))
    client = boto3.client("lambda")
    answer = smoke.examine(client, VERSION, "public", now=lambda: next(times))
    assert answer.startswith("sentiment ")
    assert len(versions.events) == 3 + 3, "three in 150 seconds"


def test_a_version_that_lets_everybody_in_though_a_key_was_ordered_is_refused(aws, deploy, capsys):
    deploy("public", ordered="key")
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Failed"
    assert "/v1/predict without a key answers 200 and not 401" in capsys.readouterr().out


def broken(event):
    raise RuntimeError("no model in /opt/models")


def half_broken(event):
    """Warms up, then answers 500."""
    if event.get("source") == "aws.events":
        return {"model": "sentiment", "version": "1"}
    return {"statusCode": 500, "body": '{"title": "Internal Server Error"}'}


def silent(event):
    if event.get("source") == "aws.events":
        return {"model": "sentiment", "version": "1"}
    return {"statusCode": 200, "body": '{"predictions": []}'}


BAD = {
    "it breaks": (broken, "it broke: "),
    "it answers 500": (half_broken, "/health/ready answers 500"),
    "it predicts nothing": (silent, "/v1/predict answers 200: {'predictions': []}"),
    "it knows no model": (lambda event: {}, "the warm-up names no model"),
    "it answers with no JSON": (
        lambda event: {"model": "m", "version": "v", "body": "<"},
        "no JSON",
    ),
    "it answers with no object": (lambda event: [1], "no object: [1]"),
    "it answers nothing": (lambda event: None, "no object"),
}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_version_gets_no_traffic(aws, versions, how, capsys):
    versions.by_arn[VERSION], reason = BAD[how]
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Failed"
    assert reason in capsys.readouterr().out


def test_a_version_that_is_not_ready_yet_is_waited_for(aws, versions, deploy):
    deploy()
    versions.refusals = [
        "ResourceConflictException",
        "AccessDeniedException",
        "TooManyRequestsException",
    ]
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Succeeded"
    assert versions.refusals == []


def test_what_will_not_pass_is_not_waited_for(aws, versions, deploy, capsys):
    deploy()
    versions.refusals = ["InvalidRuntimeException", "ResourceNotFoundException"]
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Failed"
    assert "it cannot be called" in capsys.readouterr().out
    assert versions.refusals == ["ResourceNotFoundException"]


def test_waiting_ends(aws, versions, deploy, monkeypatch):
    deploy()
    monkeypatch.setattr(smoke, "TIMEOUT_SECONDS", -1)
    versions.refusals = ["AccessDeniedException"] * 3
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Failed"


def test_unforeseen_errors_are_reported_to_codedeploy_too(aws, monkeypatch):
    def unforeseen(*_):
        raise KeyError("unforeseen")

    monkeypatch.setattr(pre_traffic, "examine", unforeseen)
    pre_traffic.handler(HOOK, None)
    assert status_of(aws) == "Failed"


def answered(aws, **changed):
    first_creation.handler({**CREATE, "ResponseURL": f"{url(aws)}/answer?x=y", **changed}, None)
    (answer,) = aws.replies
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[name] == CREATE[name]
    assert answer["PhysicalResourceId"]
    return answer


def test_a_first_version_that_answers_lets_the_alias_be_made(aws, deploy):
    deploy()
    answer = answered(aws)
    assert answer["Status"] == "SUCCESS"
    assert answer["Reason"].startswith("sentiment 2026")


@pytest.mark.parametrize("how", BAD)
def test_a_first_version_that_does_not_answer_stops_the_stack(aws, versions, how):
    versions.by_arn[VERSION], reason = BAD[how]
    answer = answered(aws)
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_what_is_changed_or_removed_is_not_asked_again(aws, versions, request_type):
    versions.by_arn[VERSION] = broken
    answer = answered(aws, RequestType=request_type, PhysicalResourceId="as-before")
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "as-before"
    assert versions.events == []


def test_unforeseen_errors_are_reported_to_cloudformation_too(aws, monkeypatch):
    def unforeseen(*_):
        raise KeyError("unforeseen")

    monkeypatch.setattr(first_creation, "examine", unforeseen)
    assert answered(aws)["Status"] == "FAILED"


def test_the_uploaded_folder_runs_by_itself(aws, deploy, shipped, tmp_path):
    """As on Lambda: nothing but the asset, the standard library and boto3."""
    deploy()
    (folder,) = {path for path in shipped.folder.glob("asset.*") if path.is_dir()}
    script = f"import json; from handlers.pre_traffic import handler; handler({HOOK!r}, None)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert status_of(aws) == "Succeeded"
