"""The prediction log: which lines leave a log group, how they arrive on S3, who may read them."""

import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from function.server.settings import ServerSettings
from function.settings import load_settings
from infra.configuration.checks import ConfigurationError
from infra.configuration.deployment import Deployment
from infra.configuration.predictions import PredictionsConfiguration
from infra.stages import DEV
from scripts.deploy import stacks
from scripts.drift.prediction_log import TimeRange, read_log
from tests.infra.handler import started
from tests.infra.policies import holds, many, statements, written
from tests.infra.scaled import HEAVY, LIGHT
from tests.infra.synthesis import DIGEST, synthesise
from tests.infra.test_metrics import request

STAGES = {stage.name: stage for stage in (HEAVY, LIGHT)}
KEY = "PREDICTION_LOG_KEY"
OPEN = {"AUTH": "public", "API_KEY_SHA256": ""}
STREAM, BUCKET = "AWS::KinesisFirehose::DeliveryStream", "AWS::S3::Bucket"
FILTER, SECRET = "AWS::Logs::SubscriptionFilter", "AWS::SecretsManager::Secret"


@pytest.fixture(params=STAGES)
def stage(request):
    return STAGES[request.param]


@pytest.fixture
def stack(stage):
    return f"evergreen-{stage.name}-predictions"


@pytest.fixture
def find(scaled, stack):
    """Properties of the one resource of a kind."""
    return lambda kind: scaled.only(stack, kind)["Properties"]


@pytest.fixture
def destination(find):
    return find(STREAM)["ExtendedS3DestinationConfiguration"]


@pytest.fixture
def may(scaled, stack):
    """Return a role's actions, each with its resources."""

    def found(role: str) -> dict[str, set[str]]:
        granted: dict[str, set[str]] = {}
        for each in statements(scaled):
            if each.kind == "identity" and each.where.startswith(f"{stack}/{role}"):
                for action in each.actions:
                    granted.setdefault(action, set()).update(each.resources)
        return granted

    return found


@pytest.fixture
def trust(scaled, stack):
    """Return principal and conditions of a role's trust policy."""

    def found(role: str) -> tuple[Any, dict[str, Any]]:
        (only,) = (
            each
            for each in statements(scaled)
            if each.kind == "trust" and each.where.startswith(f"{stack}/{role}")
        )
        return only.principal, dict(only.condition)

    return found


@pytest.fixture
def forwards(scaled, stage):
    """Return whether CloudWatch Logs forwards a line, by its documentation of patterns."""
    (subscription,) = scaled.resources(f"evergreen-{stage.name}-function", FILTER).values()
    pattern = subscription["Properties"]["FilterPattern"]
    either = r'\(\$\.(\w+) = "(\w+)"\)'
    assert re.fullmatch(rf"\{{ {either}( \|\| {either})* \}}", pattern)

    def matches(line: str) -> bool:
        try:
            record = json.loads(line)
        except ValueError:
            return False
        return any(record.get(name) == value for name, value in re.findall(either, pattern))

    return matches


def variables(scaled, stage):
    """The environment of a stage's function, as in its template."""
    (function,) = (
        each["Properties"]
        for each in scaled.resources(
            f"evergreen-{stage.name}-function", "AWS::Lambda::Function"
        ).values()
        if "ImageUri" in each["Properties"]["Code"]
    )
    return function["Environment"]["Variables"]


def exported(scaled, stack, value):
    """The resource of a stack that another stack's value imports."""
    (name,) = (
        output["Value"].get("Ref") or output["Value"]["Fn::GetAtt"][0]
        for output in scaled.templates[stack]["Outputs"].values()
        if output.get("Export", {}).get("Name") == value["Fn::ImportValue"]
    )
    return scaled.templates[stack]["Resources"][name]


def delivered(destination, lines, arrived):
    """An object as Firehose would write it of one of CloudWatch's batches: its key, its content."""
    batch = gzip.compress(json.dumps({"logEvents": [{"message": line} for line in lines]}).encode())
    content = b""
    for processor in destination["ProcessingConfiguration"]["Processors"]:
        parameters = {
            each["ParameterName"]: each["ParameterValue"]
            for each in processor.get("Parameters", [])
        }
        match processor["Type"], parameters:
            case "Decompression", {"CompressionFormat": "GZIP"}:
                content = gzip.decompress(batch)
            case "CloudWatchLogProcessing", {"DataMessageExtraction": "true"}:
                events = json.loads(content)["logEvents"]
                content = "".join(event["message"] for event in events).encode()
            case "AppendDelimiterToRecord", _:
                content += b"\n"
            case other:
                raise AssertionError(other)
    assert destination["CompressionFormat"] == "GZIP"
    found = re.fullmatch(r"(.*)!\{timestamp:yyyy/MM/dd/HH\}/", destination["Prefix"])
    assert found
    return f"{found[1]}{arrived:%Y/%m/%d/%H}/stream-1.gz", gzip.compress(content)


def test_what_the_function_answers_is_read_where_the_drift_check_expects_it(
    scaled, stage, find, destination, forwards, tmp_path, capsys
):
    """From the handler's own lines, by the template's filter and stream, to the log's reader."""
    settings = {name: written(value) for name, value in variables(scaled, stage).items()}
    generated = find(SECRET)["GenerateSecretString"]
    settings |= {KEY: "k" * generated["PasswordLength"], **OPEN}
    del settings["MODELS_DIR"]
    arrived = datetime.now(UTC)
    with started(tmp_path / "models", **settings) as handler:
        handler({"source": "aws.events"})
        body = {"inputs": ["good film", "bad film"]}
        answer = handler(request("POST", "/v1/predict", body))
        feedback = {"id": answer["headers"]["x-prediction-id"], "label": "negative"}
        assert handler(request("POST", "/v1/feedback", feedback))["statusCode"] == 202
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in printed if forwards(line)]
    assert len(lines) == 3 < len(printed), (
        "two predictions and one feedback, of all that is printed"
    )
    key, content = delivered(destination, lines, arrived)
    (tmp_path / "s3" / key).parent.mkdir(parents=True)
    (tmp_path / "s3" / key).write_bytes(content)
    location = written(
        scaled.templates[f"evergreen-{stage.name}-predictions"]["Outputs"]["PredictionLog"]["Value"]
    )
    prefix = re.fullmatch(r"s3://<LinesBucket\w+>/(.+)", location)
    assert prefix
    window = TimeRange(arrived - timedelta(hours=1), arrived + timedelta(hours=1))
    log = read_log(str(tmp_path / "s3" / prefix[1]), window, "sentiment")
    assert (len(log), log.damaged) == (2, 0)
    assert sorted(log.correct)[0] in (0, 1), "the feedback found its prediction"


@pytest.mark.parametrize(
    "line",
    [
        '{"log": "request", "total_ms": 3}',
        '{"prediction": "log"}',
        "START RequestId: prediction",
        "not JSON",
    ],
)
@pytest.mark.parametrize("stage", [HEAVY], ids=["heavy"])
def test_no_other_line_leaves_the_log_group(forwards, line):
    assert not forwards(line)


def test_whatever_prints_the_log_is_subscribed_to_it(scaled, stage, stack):
    """The function's log group and the service's; not that of bulk scoring, which prints none."""
    for part in ("function", "service"):
        name = f"evergreen-{stage.name}-{part}"
        subscription = scaled.only(name, FILTER)["Properties"]
        resources = scaled.templates[name]["Resources"].values()
        if part == "function":
            (printer,) = (
                each["Properties"]["LoggingConfig"]["LogGroup"]
                for each in resources
                if "ImageUri" in each.get("Properties", {}).get("Code", {})
            )
        else:
            task = scaled.only(name, "AWS::ECS::TaskDefinition")["Properties"]
            (container,) = task["ContainerDefinitions"]
            printer = container["LogConfiguration"]["Options"]["awslogs-group"]
        assert subscription["LogGroupName"] == printer
        assert exported(scaled, stack, subscription["DestinationArn"])["Type"] == STREAM
        assert exported(scaled, stack, subscription["RoleArn"])["Type"] == "AWS::IAM::Role"
    bulk = f"evergreen-{stage.name}-bulk"
    assert not scaled.resources(bulk, FILTER)
    assert "PREDICTION_LOG" not in str(scaled.templates[bulk])


def test_lines_wait_five_minutes_at_most_where_no_more_come(destination):
    assert destination["BufferingHints"] == {"IntervalInSeconds": 300, "SizeInMBs": 5}


def test_what_cannot_be_unpacked_lies_next_to_the_log_and_not_in_it(destination):
    assert destination["ErrorOutputPrefix"].startswith("errors/!{firehose:error-output-type}/")


def test_lines_expire_after_their_term_and_a_reference_next_to_them_does_not(find, stage):
    rules = find(BUCKET)["LifecycleConfiguration"]["Rules"]
    assert {each["Status"] for each in rules} == {"Enabled"}
    terms = {
        each["Prefix"]: each["ExpirationInDays"] for each in rules if "ExpirationInDays" in each
    }
    days = stage.predictions.retention_days
    assert terms == {"predictions/": days, "errors/": days}


def test_the_bucket_and_the_stream_are_encrypted(find):
    (rule,) = find(BUCKET)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert find(STREAM)["DeliveryStreamEncryptionConfigurationInput"] == {
        "KeyType": "AWS_OWNED_CMK"
    }


def test_cloudwatch_may_write_to_the_stream_and_do_nothing_else(may, trust):
    (stream,) = {each for resources in may("DeliveryWriter").values() for each in resources}
    assert re.fullmatch(r"<DeliveryStream\w+\.Arn>", stream)
    assert set(may("DeliveryWriter")) == {"firehose:PutRecord", "firehose:PutRecordBatch"}
    principal, condition = trust("DeliveryWriter")
    assert principal == {"Service": "logs.amazonaws.com"}
    source = written(condition["ArnLike"]["aws:SourceArn"])
    assert re.fullmatch(
        r"arn:<AWS::Partition>:logs:eu-central-1:(\d{12}|<AWS::AccountId>):\*", source
    )


def test_firehose_may_write_lines_and_errors_and_delete_nothing(may, trust, stage):
    granted = may("DeliveryRole")
    objects = {each for resources in granted.values() for each in resources if "/" in each}
    assert {each.rpartition(">")[2] for each in objects} == {"/predictions/*", "/errors/*"}
    assert set(granted) == {
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:PutObject",
        "logs:PutLogEvents",
    }
    principal, condition = trust("DeliveryRole")
    assert principal == {"Service": "firehose.amazonaws.com"}
    (account,) = many(condition["StringEquals"]["sts:ExternalId"])
    theirs = {"StringEquals": {"sts:ExternalId": [written(account)]}}
    assert holds(theirs, {"sts:ExternalId": stage.account or "<AWS::AccountId>"})
    assert not holds(theirs, {"sts:ExternalId": "999999999999"})


def test_the_drift_check_lists_and_reads_the_log_by_its_own_role(scaled, stack, may):
    (policy,) = (
        each["Properties"]
        for each in scaled.resources(stack, "AWS::IAM::Policy").values()
        if "evergreen-refresh" in each["Properties"]["Roles"]
    )
    assert policy["Roles"] == ["evergreen-refresh"]
    roles = scaled.resources("evergreen-foundation", "AWS::IAM::Role").values()
    assert "evergreen-refresh" in {each["Properties"].get("RoleName") for each in roles}
    granted = may("LinesDrift")
    assert set(granted) == {"s3:GetObject", "s3:ListBucket"}
    assert all("LinesBucket" in each for resources in granted.values() for each in resources)


def test_the_key_is_made_by_aws_and_stands_in_no_template(scaled, stage, stack, find):
    assert find(SECRET)["GenerateSecretString"] == {
        "ExcludePunctuation": True,
        "PasswordLength": 64,
    }
    assert "SecretString" not in find(SECRET)
    reference = written(variables(scaled, stage)[KEY])
    assert re.fullmatch(
        rf"\{{\{{resolve:secretsmanager:<{stack}:\w+>:SecretString:::\}}\}}", reference
    ), "CloudFormation reads it; the function asks nobody"
    task = scaled.only(f"evergreen-{stage.name}-service", "AWS::ECS::TaskDefinition")
    (container,) = task["Properties"]["ContainerDefinitions"]
    assert KEY not in {each["Name"] for each in container["Environment"]}
    (secret,) = container["Secrets"]
    assert secret["Name"] == KEY
    assert exported(scaled, stack, secret["ValueFrom"])["Type"] == SECRET


def test_the_application_takes_every_setting_that_it_is_given(scaled, stage):
    given = {name: written(value) for name, value in variables(scaled, stage).items()}
    assert {"PREDICTION_LOG", KEY, "FEEDBACK_TEXT"} < set(given)
    settings = load_settings(ServerSettings, {**given, **OPEN})
    assert settings.prediction_log
    assert settings.feedback_text == stage.predictions.feedback_text


def alarm(scaled, stage, name):
    (found,) = (
        each["Properties"]
        for each in scaled.resources(
            f"evergreen-{stage.name}-watch", "AWS::CloudWatch::Alarm"
        ).values()
        if each["Properties"]["AlarmName"] == f"evergreen-{stage.name}-{name}"
    )
    return found


def test_a_line_that_waits_for_half_an_hour_rings(scaled, stage):
    late = alarm(scaled, stage, "log-late")
    assert late["MetricName"] == "DeliveryToS3.DataFreshness"
    assert (late["Statistic"], late["Threshold"]) == ("Maximum", 1800)
    assert late["AlarmActions"] == late["OKActions"] != []


def test_answers_of_which_no_line_comes_ring_after_two_hours(scaled, stage):
    """Lines lost before the stream are neither late there nor an error anywhere."""
    silent = alarm(scaled, stage, "log-silent")
    assert (silent["EvaluationPeriods"], silent["Threshold"]) == (2, 1)
    (expression,) = (each for each in silent["Metrics"] if "Expression" in each)
    assert expression["Expression"] == "IF(texts > 0, IF(FILL(lines, 0) > 0, 0, 1), 0)"
    metrics = {each["Id"]: each["MetricStat"] for each in silent["Metrics"] if "MetricStat" in each}
    assert metrics["texts"]["Metric"]["MetricName"] == "texts"
    assert metrics["lines"]["Metric"]["MetricName"] == "IncomingRecords"
    assert {each["Period"] for each in metrics.values()} == {3600}


def test_the_dashboard_has_a_row_for_it(scaled, shipped, stage):
    def titles(assembly, name):
        board = assembly.only(name, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
        widgets = json.loads(written(board))["widgets"]
        return [each["properties"].get("title", "") for each in widgets]

    rows = [
        each for each in titles(scaled, f"evergreen-{stage.name}-watch") if "Prediction log" in each
    ]
    assert len(rows) == 3
    assert not [
        each for each in titles(shipped, "evergreen-prod-watch") if "Prediction log" in each
    ]


def test_a_stage_that_does_not_ask_for_it_has_nothing_of_it(shipped, options, scaled):
    silent = [each for each in shipped.all() if not each[0].startswith("evergreen-full")]
    silent += options.all()
    silent += [each for each in scaled.all() if each[0].startswith("evergreen-nightly")]
    kinds = {resource["Type"] for _, _, resource in silent}
    assert not kinds & {STREAM, FILTER, SECRET}
    assert "PREDICTION_LOG" not in str([resource for _, _, resource in silent])


def test_what_writes_the_log_is_made_after_what_takes_it(project):
    stage = replace(DEV, predictions=PredictionsConfiguration())
    names = stacks.names(Deployment(project, stage))
    assert names == [f"evergreen-dev-{part}" for part in ("predictions", "function", "watch")]
    made = synthesise(project, [stage], function_image=DIGEST)
    assert {*names} < set(made.templates), "without a service as well"
    assert made.violations == []


@pytest.mark.parametrize("days", [0, 3651])
def test_a_term_that_s3_does_not_take_is_refused_by_its_key(days):
    with pytest.raises(
        ConfigurationError, match=r"^predictions\.retention_days: .* 1 and 3,650 days"
    ):
        PredictionsConfiguration(retention_days=days)
