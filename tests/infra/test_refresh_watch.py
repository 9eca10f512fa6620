"""An alarm notices when the checks for newer models stop."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.configuration.checks import ConfigurationError
from infra.configuration.watch import WatchConfiguration
from infra.handlers import refresh_age
from infra.stages import PROD, PROJECT, STAGES
from scripts.refresh.updates import record_check
from scripts.registry import keys
from scripts.registry.registry import PRODUCTION, open_registry
from tests.aws import aws, bucket, moto_endpoint
from tests.infra.check_record import checked_at
from tests.infra.policies import statements, written
from tests.infra.synthesis import synthesise

__all__ = ["aws", "bucket", "moto_endpoint"]

STACK = "evergreen-prod-watch"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def function(shipped):
    (found,) = (
        each["Properties"]
        for each in shipped.resources(STACK, "AWS::Lambda::Function").values()
        if each["Properties"]["Handler"] == "handlers.refresh_age.handler"
    )
    return found


@pytest.fixture
def environment(function, monkeypatch):
    """As deployed, but for the account's number."""
    variables = {
        name: written(value) for name, value in function["Environment"]["Variables"].items()
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def printed(capsys):
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("hours", [0.5, 25, 24 * 61])
def test_the_age_of_the_last_update_check_becomes_a_metric(environment, capsys, hours) -> None:
    refresh_age.report(checked_at(NOW - timedelta(hours=hours)), NOW)
    record = printed(capsys)
    assert record["refresh_age_hours"] == hours
    assert (record["service"], record["model"]) == ("evergreen-prod", "sentiment")
    assert record["_aws"]["Timestamp"] == NOW.timestamp() * 1000


@pytest.mark.parametrize("code", ["404", "403"])
def test_without_any_update_check_there_is_no_figure(environment, capsys, code) -> None:
    refresh_age.report(checked_at(None, code), NOW)
    assert printed(capsys)["found"] is False


def test_what_else_s3_says_is_an_error_of_the_function(environment) -> None:
    with pytest.raises(ClientError):
        refresh_age.report(checked_at(None, "500"), NOW)


def test_it_finds_what_an_update_check_really_records(
    environment, bucket, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("BUCKET", bucket)
    refresh_age.report(boto3.client("s3"), datetime.now(UTC))
    assert printed(capsys)["found"] is False
    record_check(open_registry(f"s3://{bucket}"), "sentiment", "hub:acme/texts")
    refresh_age.report(boto3.client("s3"), datetime.now(UTC) + timedelta(hours=3))
    assert 2.9 < printed(capsys)["refresh_age_hours"] < 3.1
    assert environment["KEYS"].split(",") == [
        keys.last_check("sentiment"),
        keys.alias("sentiment", PRODUCTION),
    ]


def test_a_schedule_that_never_ran_is_as_old_as_the_deployment(
    environment, bucket, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("BUCKET", bucket)
    alias = keys.alias("sentiment", PRODUCTION)
    boto3.client("s3").put_object(Bucket=bucket, Key=alias, Body=b"{}")
    refresh_age.report(boto3.client("s3"), datetime.now(UTC) + timedelta(hours=25))
    assert 24.9 < printed(capsys)["refresh_age_hours"] < 25.1


def test_a_schedule_of_aws_asks_every_hour(shipped, function) -> None:
    rules = shipped.resources(STACK, "AWS::Events::Rule").values()
    assert "rate(1 hour)" in [each["Properties"].get("ScheduleExpression") for each in rules]
    assert function["Timeout"] <= 60


def test_silence_notifies_as_an_age_does_and_a_new_alarm_does_not(shipped) -> None:
    (alarm,) = (
        each["Properties"]
        for each in shipped.resources(STACK, "AWS::CloudWatch::Alarm").values()
        if each["Properties"]["AlarmName"] == "evergreen-prod-refresh-age"
    )
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (24, "missing")
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 2)


def test_it_may_read_the_record_and_nothing_else_of_the_bucket(shipped) -> None:
    read = [
        each.resources
        for each in statements(shipped)
        if each.where.startswith(STACK) and "s3:GetObject" in each.actions
    ]
    (resources,) = read
    names = [resource.partition("/sentiment/")[2] for resource in resources]
    assert sorted(names) == ["aliases/production.json", "looks/last.json"]
    assert not any("*" in resource for resource in resources)


def test_there_is_no_watch_where_there_is_no_schedule(shipped) -> None:
    assert not shipped.resources("evergreen-dev-watch", "AWS::Lambda::Function")
    template = synthesise(PROJECT, STAGES)
    assert not template.resources(STACK, "AWS::Lambda::Function"), "the repository is nobody's"


def test_it_can_be_turned_off_and_asks_for_a_number_that_makes_sense(project) -> None:
    off = replace(PROD, watch=replace(PROD.watch, refresh_hours=None))
    assert not synthesise(project, [off]).resources(STACK, "AWS::Lambda::Function")
    with pytest.raises(ConfigurationError, match=r"watch\.refresh_hours"):
        WatchConfiguration(refresh_hours=1)
