"""One command, from a fresh account to a deployment that answers; moto stands in for AWS, and two
small programs for the CDK and Docker."""

import json
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.configuration.service import ServiceConfiguration
from infra.stages import DEV
from scripts.common.command_line import SUMMARY, run
from scripts.deploy import __main__ as deploy
from scripts.deploy import delivery, image, live
from scripts.deploy.account import Account
from scripts.doctor import account as doctor_account
from scripts.doctor.check import CheckResult
from scripts.registry.releases import list_releases
from tests.stand_ins.account import BUCKET

KEY = "/evergreen/dev/api-key-sha256"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0)


@pytest.fixture
def do(cloud, source, monkeypatch, capfd):
    """Run the command; returns exit code, stdout and stderr."""

    def wanted() -> str:
        """The digests of every stage's key, as each function is given its own."""
        names = [KEY, KEY.replace("dev", "prod")]
        found = boto3.client("ssm").get_parameters(Names=names)["Parameters"]
        return ",".join(each["Value"] for each in found)

    cloud.api.accepted = wanted

    def command(*arguments):
        capfd.readouterr()
        given = ["--registry", str(source), *arguments]
        monkeypatch.setattr(sys, "argv", ["deploy", *given])
        code = 0
        try:
            run(deploy.main)
        except SystemExit as end:
            code = int(end.code or 0)
        said = capfd.readouterr()
        return code, said.out, said.err

    return command


def key_in(stderr):
    (line,) = (line for line in stderr.splitlines() if "shown this once" in line)
    return line.rpartition(" ")[2]


def test_a_fresh_account_is_brought_up_by_one_command(do, cloud):
    code, out, err = do("--stage", "dev", "--yes")
    assert code == 0, err
    assert out.strip() == cloud.url
    calls = [(call.command, call.stacks) for call in cloud.cdk.calls]
    assert calls == [
        ("bootstrap", ["aws://123456789012/eu-central-1"]),
        ("deploy", ["evergreen-foundation"]),
        ("deploy", ["evergreen-dev-function", "evergreen-dev-watch"]),
    ]
    assert f"s3://{BUCKET}: sentiment 20260102-" in err
    assert "positive 0.980, by 20260102-aabbccdd" in err


def test_the_image_is_deployed_by_the_digest_that_the_push_gave(do, cloud):
    do("--stage", "dev", "--yes")
    image = cloud.cdk.calls[-1].context["function_image"]
    details = boto3.client("ecr").describe_images(repositoryName="evergreen/function")
    (pushed,) = details["imageDetails"]
    assert pushed["imageDigest"] == image
    (built,) = (tag for tag in pushed["imageTags"] if not tag.startswith("dev-"))
    assert re.fullmatch("[0-9a-f]{24}", built)
    assert len(pushed["imageTags"]) == 2


def test_the_image_is_built_for_the_stage_and_as_lambda_takes_it(do, cloud):
    do("--stage", "dev", "--yes")
    calls = [call.arguments for call in cloud.docker.calls]
    build, login, push = calls[0], calls[-2], calls[-1]
    assert build[:2] == ["buildx", "build"]
    assert {"--platform=linux/arm64", "--provenance=false", "--sbom=false"} <= set(build)
    assert "--file=Dockerfile.lambda" in build
    assert any(each.startswith("--build-context=models=") for each in build)
    assert any(each.startswith("--build-arg=MODELS=sentiment=20260102-") for each in build)
    assert login[0] == "login"
    assert cloud.docker.calls[-2].stdin, "the password goes by stdin"
    assert push[0] == "push"


def test_first_models_come_as_candidates_with_their_golden_set(do, cloud):
    do("--stage", "dev", "--yes")
    registry = cloud.registry()
    (version,) = registry.versions("sentiment")
    assert registry.alias("sentiment", "candidate").version == version
    keys = {entry.key for entry in registry.store.list("sentiment/golden/")}
    assert "sentiment/golden/current.json" in keys


def test_production_moves_only_after_the_live_digest_answered_and_only_by_prod(do, cloud):
    do("--stage", "dev", "--yes")
    assert cloud.registry().alias("sentiment", "production") is None
    code, _, err = do("--stage", "prod", "--yes")
    assert code == 0, err
    alias = cloud.registry().alias("sentiment", "production")
    assert alias.version == cloud.registry().versions("sentiment")[0]
    (release,) = list_releases(cloud.registry().store, "prod")
    assert release.models == {"sentiment": alias.version}
    assert release.image == cloud.cdk.calls[-1].context["function_image"]


def test_the_key_is_shown_once_and_only_its_digest_is_kept(do, cloud):
    _, _, first = do("--stage", "dev", "--yes")
    key = key_in(first)
    assert len(key) >= 43
    kept = boto3.client("ssm").get_parameter(Name=KEY)["Parameter"]["Value"]
    assert len(kept) == 64
    assert key not in kept
    code, _, second = do("--stage", "dev", "--yes")
    assert code == 0
    assert "shown this once" not in second
    assert "lets nobody in without a key" in second
    assert cloud.cdk.calls[-1].context["api_key_version"] == "1"


def test_an_available_key_is_used_to_ask(do, cloud, monkeypatch):
    _, _, first = do("--stage", "dev", "--yes")
    monkeypatch.setenv("EVERGREEN_API_KEY", key_in(first))
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 0
    assert "positive 0.980" in err


def test_the_same_code_and_models_are_not_built_twice(do, cloud):
    do("--stage", "dev", "--yes")
    do("--stage", "dev", "--yes")
    made = [call.arguments[0] for call in cloud.docker.calls]
    assert made == ["buildx", "run", "exec", "rm", "login", "push"]
    images = {release.image for release in list_releases(cloud.registry().store, "dev")}
    assert len(images) == 1


def test_marking_the_same_image_twice_in_a_second_is_no_fault(cloud, do, monkeypatch):
    do("--stage", "dev", "--yes")
    digest = cloud.cdk.calls[-1].context["function_image"]
    stopped = SimpleNamespace(now=lambda _: datetime(2026, 11, 1, tzinfo=UTC))
    monkeypatch.setattr(image, "datetime", stopped)
    account = Account("123456789012", "eu-central-1", boto3.Session())
    for _ in range(2):
        image.tag_as_deployed(account, "evergreen/function", digest, "dev")


def test_a_build_that_failed_is_begun_again_where_it_stood(do, cloud):
    cloud.docker.failing = "push"
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 1
    assert "docker push failed" in err
    assert list_releases(cloud.registry().store) == []
    cloud.docker.failing = ""
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 0, err
    assert [call.command for call in cloud.cdk.calls].count("bootstrap") == 1


def test_what_was_built_elsewhere_is_deployed_and_nothing_else_is_touched(do, cloud, bootstrapped):
    do("--stage", "dev", "--yes")
    image = cloud.cdk.calls[-1].context["function_image"]
    (version,) = cloud.registry().versions("sentiment")
    before, built = len(cloud.cdk.calls), len(cloud.docker.calls)
    given = ["--function-image", image, "--models", f"sentiment={version}"]
    code, _, err = do("--stage", "dev", *given, "--rollout", "AllAtOnce")
    assert code == 0, err
    (call,) = cloud.cdk.calls[before:]
    assert call.stacks == ["evergreen-dev-function", "evergreen-dev-watch"]
    assert call.context["rollout"] == "AllAtOnce"
    assert len(cloud.docker.calls) == built


def test_a_deployment_that_is_not_live_is_neither_recorded_nor_production(do, cloud):
    do("--stage", "prod", "--yes")
    registry = cloud.registry()
    before = registry.alias("sentiment", "production")
    ecr = boto3.client("ecr")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"size": 2},
        "layers": [{"digest": "sha256:" + "cd" * 32}],
    }
    other = ecr.put_image(
        repositoryName="evergreen/function", imageTag="other", imageManifest=json.dumps(manifest)
    )["image"]["imageId"]["imageDigest"]
    cloud.cdk.digest = other
    code, _, err = do("--stage", "prod", "--yes")
    assert code == 1
    assert f"{other} is live, and not sha256:" in err
    assert len(list_releases(registry.store, "prod")) == 1
    assert registry.alias("sentiment", "production") == before


def test_a_deployment_that_does_not_answer_is_not_recorded(do, cloud):
    cloud.api.health = [503] * live.TRIES
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 1
    assert "answers 503 for its health" in err
    assert list_releases(cloud.registry().store) == []


def test_an_answer_that_comes_late_is_waited_for(do, cloud):
    cloud.api.health = [503, 503]
    code, _, _ = do("--stage", "dev", "--yes")
    assert code == 0


def test_a_failed_deployment_says_why(do, cloud, bootstrapped, monkeypatch):
    monkeypatch.setattr(
        delivery, "failure_reasons", lambda *_: iter(["alarm evergreen-dev-x: too many"])
    )
    cloud.cdk.failing = "deploy"
    given = ["--function-image", "sha256:" + "ab" * 32, "--models", "sentiment=1"]
    code, _, err = do("--stage", "dev", *given)
    assert code == 1
    assert "cdk deploy failed" in err
    assert "alarm evergreen-dev-x: too many" in err


def test_the_reasons_are_those_of_codedeploy_and_the_alarms():
    codedeploy = boto3.client("codedeploy", region_name="eu-central-1")
    cloudwatch = boto3.client("cloudwatch", region_name="eu-central-1")
    since = datetime(2026, 11, 1, tzinfo=UTC)
    error = {"code": "ALARM_ACTIVE", "message": "One or more alarms have been activated"}
    with Stubber(codedeploy) as first, Stubber(cloudwatch) as second:
        first.add_response(
            "list_deployments",
            {"deployments": ["d-1"]},
            {
                "applicationName": "evergreen-dev",
                "deploymentGroupName": "evergreen-dev",
                "includeOnlyStatuses": ["Failed", "Stopped"],
                "createTimeRange": {"start": since},
            },
        )
        first.add_response("get_deployment", {"deploymentInfo": {"errorInformation": error}})
        found = [{"AlarmName": "evergreen-dev-answers-5xx-7", "StateReason": "9 %"}]
        for alarm, alarms in (("new-version-breaks", []), ("answers-5xx", found)):
            asked = {"AlarmNamePrefix": f"evergreen-dev-{alarm}", "StateValue": "ALARM"}
            second.add_response("describe_alarms", {"MetricAlarms": alarms}, asked)
        clients = {"codedeploy": codedeploy, "cloudwatch": cloudwatch}
        session = SimpleNamespace(client=lambda name, config: clients[name])
        account = Account("1", "eu-central-1", session)  # type: ignore[arg-type]
        assert list(delivery.failure_reasons(account, "evergreen-dev", since)) == [
            "d-1: ALARM_ACTIVE: One or more alarms have been activated",
            "alarm evergreen-dev-answers-5xx-7: 9 %",
        ]


@pytest.mark.parametrize("denied", ["codedeploy", "cloudwatch"])
def test_a_look_up_that_is_denied_hides_neither_the_failure_nor_the_other_reasons(
    do, cloud, bootstrapped, monkeypatch, denied
):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "TheLookUp")

    codedeploy, cloudwatch = boto3.client("codedeploy"), boto3.client("cloudwatch")
    info = {"deploymentInfo": {"status": "Failed"}}
    alarms = {"MetricAlarms": [{"AlarmName": "evergreen-dev-x"}]}
    for client, operation, answer in (
        (codedeploy, "list_deployments", {"deployments": ["d-1"]}),
        (codedeploy, "get_deployment", info),
        (cloudwatch, "describe_alarms", alarms),
    ):
        is_denied = client.meta.service_model.service_name == denied
        monkeypatch.setattr(client, operation, refuse if is_denied else lambda _=answer, **__: _)
    cloud.cdk.failing = "deploy"
    given = ["--function-image", "sha256:" + "ab" * 32, "--models", "sentiment=1"]
    code, _, err = do("--stage", "dev", *given)
    assert code == 1
    assert "cdk deploy failed" in err
    assert "no reason from there: An error occurred (AccessDenied) when calling" in err
    assert ("d-1: Failed" in err) == (denied != "codedeploy")
    assert ("alarm evergreen-dev-x" in err) == (denied != "cloudwatch")


def test_a_stage_that_another_deployment_changes_is_left_alone(do, cloud, monkeypatch):
    do("--stage", "dev", "--yes")
    before = len(cloud.cdk.calls)
    really = Account.stack

    def changing(account, name):
        found = really(account, name)
        return {**found, "StackStatus": "UPDATE_IN_PROGRESS"} if found else None

    monkeypatch.setattr(Account, "stack", changing)
    given = ["--function-image", "sha256:" + "ab" * 32, "--models", "sentiment=1"]
    code, _, err = do("--stage", "dev", *given)
    assert code == 1
    assert "evergreen-dev-function is UPDATE_IN_PROGRESS, by another deployment: let it end" in err
    assert len(cloud.cdk.calls) == before


@pytest.fixture
def bad(monkeypatch):
    """An account without a quota of GPUs."""
    result = CheckResult("bad", "GPU instances of family G: 0 vCPUs", "ask for more")
    monkeypatch.setattr(doctor_account, "gpu_quota", lambda *_: iter([result]))


def test_what_the_doctor_calls_bad_stops_a_deployment_before_anything_is_made(do, cloud, bad):
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 1
    assert "bad     GPU instances of family G: 0 vCPUs\n        -> ask for more" in err
    assert "nothing was begun: fix what is bad above, or say --anyway" in err
    assert cloud.cdk.calls == []
    assert cloud.docker.calls == []


def test_unless_somebody_says_anyway(do, cloud, bad):
    code, _, err = do("--stage", "dev", "--yes", "--anyway")
    assert code == 0, err
    assert "bad     GPU instances" in err


def test_nobody_who_is_told_of_alarms_is_named_and_does_not_stop_it(do, cloud):
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 0
    assert "note    dev: its alarms notify nobody" in err


def test_a_name_that_does_not_answer_yet_is_a_remark(do, cloud):
    """It is entered by hand, or new in Route 53; that the image answers shows another address."""
    cloud.cdk.domain = "text.invalid"
    code, out, err = do("--stage", "prod", "--yes")
    assert code == 0, err
    assert out.strip() == "https://text.invalid"
    assert f"{cloud.url}: " in err
    assert "note: https://text.invalid answers 0 for its health" in err
    assert "DomainTarget" in err
    assert len(list_releases(cloud.registry().store, "prod")) == 1


@pytest.mark.parametrize(
    ("tasks", "minimum", "runs"),
    [(0, 1, "runs no task"), (None, 0, "may run no task"), (None, 1, ""), (2, 0, "")],
)
def test_a_server_that_ecs_started_nowhere_is_not_called_tried(
    do, cloud, monkeypatch, tmp_path, tasks, minimum, runs
):
    """Without tasks ECS starts none, and CloudFormation succeeds."""
    service = ServiceConfiguration(capacity="fargate", minimum_tasks=minimum)
    monkeypatch.setattr("infra.stages.STAGES", (replace(DEV, service=service),))
    monkeypatch.setattr(delivery, "running_tasks", lambda *_: tasks)
    monkeypatch.setenv(SUMMARY, str(tmp_path / "summary"))
    (tmp_path / "summary").touch()
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 0, err
    says = f"evergreen-dev-service {runs}: then only the smoke test has started the server's image"
    assert (says in err) == bool(runs)
    assert (says in (tmp_path / "summary").read_text()) == bool(runs)


def test_the_bootstrap_is_asked_for_and_can_be_refused(do, cloud, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "n")
    code, _, err = do("--stage", "dev")
    assert code == 2
    assert "run 'cdk bootstrap aws://123456789012/eu-central-1' first" in err
    assert cloud.cdk.calls == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--stage", "staging"],
            "which stage? say STAGE=NAME, one of dev, prod, full; not 'staging'",
        ),
        (["--stage", ""], "which stage? say STAGE=NAME, one of dev, prod, full"),
        (["--stage", "dev", "--function-image", "sha256:x"], "--function-image goes with --models"),
    ],
)
def test_a_usage_that_makes_no_sense_starts_nothing(do, cloud, arguments, says):
    code, _, err = do(*arguments)
    assert code == 2
    assert says in err
    assert cloud.cdk.calls == []


def test_without_credentials_nothing_is_started(do, cloud, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    code, _, err = do("--stage", "dev", "--yes")
    assert code == 2
    assert "no AWS credentials: sign in" in err
    assert cloud.cdk.calls == []
