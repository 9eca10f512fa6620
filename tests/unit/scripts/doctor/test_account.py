"""The doctor's checks of an account, of moto's."""

import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.deployment import Deployment
from infra.configuration.function import FunctionConfiguration
from infra.configuration.project import GitHubRepository
from infra.configuration.service import ServiceConfiguration
from infra.configuration.watch import WatchConfiguration
from infra.stages import DEV, PROD, PROJECT
from scripts.deploy import foundation
from scripts.deploy.account import Account, open_account
from scripts.doctor import account
from scripts.doctor import account as examined
from scripts.registry.releases import Release, record_release

OURS = replace(
    PROJECT, repository=GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22)
)
ISSUER = "token.actions.githubusercontent.com"


@pytest.fixture
def fresh(cloud):
    """An account in which nothing is."""
    return open_account(DEV)


def test_an_account_without_bootstrap_is_reported(fresh):
    (found,) = examined.bootstrap(fresh)
    assert found.state == "note"
    assert found.summary == "bootstrap: never ran"


@pytest.mark.parametrize(("version", "state"), [("30", "ok"), ("8", "ok"), ("6", "bad")])
def test_an_old_bootstrap_is_found(fresh, version, state):
    boto3.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String"
    )
    (found,) = examined.bootstrap(fresh)
    assert found.state == state
    assert bool(found.fix) == (state == "bad")


def stubbed(service, operation, answer):
    """An account of which one question is answered as AWS would; moto does not know it."""
    client = boto3.client(service, region_name="eu-central-1")
    stub = Stubber(client)
    stub.add_response(operation, answer)
    stub.activate()
    session = SimpleNamespace(client=lambda name, config: client)
    return Account("1", "eu-central-1", session)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("total", "reserved", "state"),
    [
        (1000, "rate", "ok"),
        (1000, 10, "ok"),
        (1000, 901, "bad"),
        (10, "rate", "note"),
        (10, 5, "bad"),
    ],
)
def test_concurrency_is_compared_with_what_the_stage_wants(total, reserved, state):
    limits = {"AccountLimit": {"ConcurrentExecutions": total}}
    function = FunctionConfiguration(reserved_concurrency=reserved)
    found = examined.lambda_quotas(
        stubbed("lambda", "get_account_settings", limits), replace(DEV, function=function)
    )
    assert next(found).state == state


def test_a_new_account_is_told_what_bulk_scoring_takes_of_its_few_executions():
    limits = {"AccountLimit": {"ConcurrentExecutions": 10}}
    stage = replace(DEV, bulk=BulkConfiguration())
    found = next(examined.lambda_quotas(stubbed("lambda", "get_account_settings", limits), stage))
    assert found.summary == (
        "concurrency: 10 in all, as in a new account; bulk scoring takes 2 of them"
    )


@pytest.mark.parametrize(
    ("stage", "total", "state", "says"),
    [
        (DEV, 1000, "ok", "dev: callers of the function can cost $1,242 a month at most, by 20 "),
        (PROD, 1000, "ok", "prod: callers of the function can cost $6,211 a month at most, by 100"),
        (PROD, 10, "note", "prod: callers of the function can cost $763 a month at most, by 10 "),
        (
            replace(PROD, function=FunctionConfiguration(reserved_concurrency=None)),
            2000,
            "note",
            "prod: callers of the function can cost $87,931 a month at most, by 1,450 executions",
        ),
    ],
)
def test_what_callers_can_cost_at_most_is_said_in_dollars(stage, total, state, says):
    limits = {"AccountLimit": {"ConcurrentExecutions": total}}
    _, ceiling = examined.lambda_quotas(stubbed("lambda", "get_account_settings", limits), stage)
    assert ceiling.summary.startswith(says)
    assert ceiling.state == state


def test_memory_that_new_accounts_do_not_get_is_noted():
    limits = {"AccountLimit": {"ConcurrentExecutions": 1000}}
    function = FunctionConfiguration(memory_megabytes=3538)
    found = examined.lambda_quotas(
        stubbed("lambda", "get_account_settings", limits), replace(DEV, function=function)
    )
    assert [each.state for each in found] == ["ok", "ok", "note"]


def on_gpus(**changed):
    return replace(DEV, service=ServiceConfiguration(**changed))


def quotas(**vcpus):
    """An account with as many vCPUs of each quota, by its code."""
    codes = {code.replace("-", "_"): code for code in examined.GPU_QUOTAS.values()}
    had = {codes[name]: float(count) for name, count in vcpus.items()}
    client = SimpleNamespace(
        get_service_quota=lambda **asked: {"Quota": {"Value": had[asked["QuotaCode"]]}}
    )
    session = SimpleNamespace(client=lambda name, config: client)
    return Account("1", "eu-central-1", session)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quota", "kind", "state"),
    [
        (0, "g6.xlarge", "bad"),
        (4, "g6.xlarge", "bad"),
        (8, "g6.xlarge", "note"),
        (16, "g6.xlarge", "ok"),
        (16, "g6.4xlarge", "bad"),
        (64, "g6.4xlarge", "ok"),
    ],
)
def test_gpus_are_compared_with_what_tasks_want_and_what_a_new_image_wants(quota, kind, state):
    account = quotas(L_DB2E81BA=quota)
    stage = on_gpus(instance_types=(kind,), maximum_tasks=2)
    (found,) = examined.gpu_quota(account, stage)
    assert found.state == state
    assert bool(found.fix) == (state != "ok")


@pytest.mark.parametrize(
    ("spot", "had"),
    [(False, {"L_DB2E81BA": 99, "L_417A185B": 0}), (True, {"L_3819A6DF": 99, "L_7212CCBC": 0})],
)
def test_each_family_has_a_quota_of_its_own_and_so_has_spot(spot, had):
    account = quotas(**had)
    stage = on_gpus(instance_types=("g6.xlarge", "p5.4xlarge"), spot=spot, maximum_tasks=1)
    found = list(examined.gpu_quota(account, stage))
    assert [each.state for each in found] == ["ok", "bad"]
    assert "family P" in found[1].summary


def test_a_quota_is_asked_for_as_aws_takes_it():
    account = stubbed("service-quotas", "get_service_quota", {"Quota": {"Value": 99.0}})
    (found,) = examined.gpu_quota(account, on_gpus())
    assert found.state == "ok"


def test_no_quota_is_asked_for_where_there_is_no_gpu(fresh):
    assert not list(examined.gpu_quota(fresh, DEV))
    fargate = replace(DEV, service=ServiceConfiguration(capacity="fargate"))
    assert not list(examined.gpu_quota(fresh, fargate))


def test_a_provider_that_is_there_already_is_found(fresh):
    (before,) = examined.github_provider(fresh, OURS)
    assert "not there yet" in before.summary
    boto3.client("iam").create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    (after,) = examined.github_provider(fresh, OURS)
    assert "there already" in after.summary


def test_the_roles_of_a_first_service_are_looked_for_and_made_once(fresh, capfd):
    stage = on_gpus(spot=True)
    missing = list(examined.service_linked_roles(fresh, stage))
    assert {each.state for each in missing} == {"note"}
    assert len(missing) == 6
    assert "--aws-service-name ecs.amazonaws.com" in missing[0].fix
    foundation.ensure_service_linked_roles(fresh, stage)
    first = capfd.readouterr().err
    foundation.ensure_service_linked_roles(fresh, stage)
    assert (first.count("is new in this account"), capfd.readouterr().err) == (6, "")
    for name in foundation.service_linked_roles(stage).values():  # moto gives them other names
        boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    assert {each.state for each in examined.service_linked_roles(fresh, stage)} == {"ok"}


def test_roles_that_iam_lets_nobody_make_are_left_to_aws(fresh, monkeypatch, capfd):
    def refuse(**_):
        error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(error, "CreateServiceLinkedRole")  # type: ignore[arg-type]

    monkeypatch.setattr(boto3.client("iam"), "create_service_linked_role", refuse)
    foundation.ensure_service_linked_roles(fresh, on_gpus())
    assert (
        "ecs-compute.amazonaws.com: IAM: An error occurred (AccessDenied)" in capfd.readouterr().err
    )


def test_a_stage_without_a_service_needs_no_such_roles(fresh):
    assert not list(examined.service_linked_roles(fresh, DEV))


@pytest.mark.parametrize("stage", [DEV, PROD])
def test_a_stage_whose_alarms_nobody_reads_is_found(fresh, stage):
    (found,) = examined.alarm_readers(fresh, Deployment(PROJECT, stage))
    assert (found.state, found.fix) == ("note", "name watch.emails in infra/stages.py")


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_reader_who_did_not_confirm_is_found(fresh, cloud, monkeypatch, confirmed):
    stage = replace(DEV, watch=WatchConfiguration(emails=("a@example.com",)))
    assert not list(examined.alarm_readers(fresh, Deployment(PROJECT, stage))), (
        "before the first deployment"
    )
    cloud.cdk.run(["deploy", "evergreen-dev-watch"])
    monkeypatch.setattr(Account, "output", lambda *_: "arn:topic")
    arn = "arn:aws:sns:eu-central-1:1:topic:2" if confirmed else "PendingConfirmation"
    subscription = {"Endpoint": "a@example.com", "SubscriptionArn": arn}
    sns = boto3.client("sns")
    monkeypatch.setattr(
        sns, "list_subscriptions_by_topic", lambda **_: {"Subscriptions": [subscription]}
    )
    (found,) = examined.alarm_readers(fresh, Deployment(PROJECT, stage))
    assert found.state == ("ok" if confirmed else "note")
    assert ("a@example.com did not confirm" in found.summary) != confirmed


def trust(*subjects):
    condition = {"StringEquals": {f"{ISSUER}:sub": list(subjects)}}
    document = {"Statement": [{"Effect": "Allow", "Condition": condition}]}
    boto3.client("iam").create_role(
        RoleName="evergreen-dev-deploy", AssumeRolePolicyDocument=json.dumps(document)
    )


OLD, NEW = "repo:acme/texts:environment:dev", "repo:acme@11/texts@22:environment:dev"


@pytest.mark.parametrize(
    ("subjects", "state"),
    [([OLD, NEW], "ok"), ([OLD], "bad"), ([NEW], "bad"), ([f"{OLD}x", NEW], "bad")],
)
def test_a_role_must_take_both_forms_of_the_subject(fresh, subjects, state):
    trust(*subjects)
    (found,) = examined.trusted_subjects(fresh, Deployment(OURS, DEV))
    assert found.state == state


def test_a_role_that_is_not_there_yet_is_no_fault(fresh):
    (found,) = examined.trusted_subjects(fresh, Deployment(OURS, DEV))
    assert found.state == "note"


IMAGES = ["sha256:" + pair * 32 for pair in ("ab", "cd")]


@pytest.fixture
def released(cloud, fresh):
    """The stage prod, live from the first image and recorded as such."""
    context = ["--context=stage=prod", f"--context=function_image={IMAGES[0]}"]
    cloud.cdk.run(["deploy", "evergreen-foundation", "evergreen-prod-function", *context])
    record(cloud, IMAGES[0], "2026-11-01T00:00:00+00:00")
    return cloud


def record(cloud, image, moment):
    record_release(cloud.registry().store, Release("prod", "c", image, {"sentiment": "v"}, moment))


def test_a_stage_that_is_not_there_yet_is_no_fault(fresh):
    (found,) = account.check_release(fresh, Deployment(OURS, PROD))
    assert found.state == "note"


def test_what_is_live_must_be_the_last_release(released, fresh):
    first, *_ = account.check_release(fresh, Deployment(OURS, PROD))
    assert first.state == "ok"
    record(released, IMAGES[1], "2026-11-02T00:00:00+00:00")
    (found,) = account.check_release(fresh, Deployment(OURS, PROD))
    assert found.state == "bad"
    assert f"{IMAGES[0]} is live, the last release is {IMAGES[1]}" in found.summary


def test_production_must_be_what_is_live(released, fresh):
    states = [each.state for each in account.check_release(fresh, Deployment(OURS, PROD))]
    assert states == ["ok", "bad"], "nothing is in production yet"


@pytest.mark.parametrize(
    ("zones", "state", "says"),
    [
        ((), "bad", "cannot be in b (use1-az3)"),
        (("a", "c"), "ok", "a (use1-az6), c (use1-az1)"),
        (("a", "b"), "bad", "cannot be in b (use1-az3)"),
        (("a", "z"), "bad", "cannot be in z (not there)"),
    ],
)
def test_zones_without_a_link_of_the_gateway_are_named_with_those_that_have_one(zones, state, says):
    ids = {"a": "use1-az6", "b": "use1-az3", "c": "use1-az1"}
    answer = {
        "AvailabilityZones": [
            {"ZoneName": f"us-east-1{letter}", "ZoneId": id_} for letter, id_ in ids.items()
        ]
    }
    account = stubbed("ec2", "describe_availability_zones", answer)
    (found,) = examined.link_zones(account, on_gpus(zones=zones))
    assert found.state == state
    assert says in found.summary
    assert found.fix == ("service.zones=('a', 'c')" if state == "bad" else "")


def test_zones_matter_to_a_service_alone():
    assert not list(examined.link_zones(stubbed("ec2", "describe_availability_zones", {}), DEV))
