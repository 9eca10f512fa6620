"""Every metric that an alarm, a graph or a scaling policy names is emitted by somebody.

Ours are collected from what the handler and the server really print; AWS's from its tables.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from function.core.types import ModelInfo
from function.server.signals import ServerSignals
from infra.handlers import refresh_age
from infra.stages import STAGES
from scripts.drift.cloudwatch import metric_data
from tests.infra.check_record import checked_at
from tests.infra.handler import started
from tests.infra.policies import written
from tests.infra.synthesis import Assembly
from tests.predictions import a_check, a_log

OURS, VERSION = "Evergreen", "7"
# What AWS's services emit, and by which sets of dimensions, after "Types of metrics for Lambda
# functions", "Monitor metrics for HTTP APIs in API Gateway" and "CloudWatch metrics for your
# Application Load Balancer".
BY_FUNCTION = (
    {"FunctionName"},
    {"FunctionName", "Resource"},
    {"FunctionName", "Resource", "ExecutedVersion"},
)
BY_API = ({"ApiId"}, {"ApiId", "Stage"})
BY_BALANCER = ({"LoadBalancer"}, {"LoadBalancer", "TargetGroup"}, {"TargetGroup"})
AWS = {
    "AWS/Lambda": (
        {"Errors", "Invocations", "Throttles", "Duration", "ConcurrentExecutions"},
        BY_FUNCTION,
    ),
    "AWS/ApiGateway": ({"4xx", "5xx", "Count", "Latency", "IntegrationLatency"}, BY_API),
    "AWS/ApplicationELB": (
        {
            "HTTPCode_ELB_502_Count",
            "HTTPCode_ELB_503_Count",
            "HTTPCode_ELB_504_Count",
            "HTTPCode_ELB_5XX_Count",
            "HTTPCode_Target_5XX_Count",
            "HealthyHostCount",
            "RequestCount",
            "TargetResponseTime",
            "UnHealthyHostCount",
        },
        BY_BALANCER,
    ),
    "AWS/ECS": (
        {"CPUUtilization", "MemoryUtilization"},
        ({"ClusterName", "ServiceName"},),
    ),
    "AWS/States": (
        {"ExecutionsStarted", "ExecutionsFailed", "ExecutionsSucceeded", "ExecutionsTimedOut"},
        ({"StateMachineArn"},),
    ),
    "AWS/Firehose": (
        {
            "DeliveryToS3.Bytes",
            "DeliveryToS3.DataFreshness",
            "DeliveryToS3.Records",
            "IncomingBytes",
            "IncomingRecords",
        },
        ({"DeliveryStreamName"},),
    ),
}


class Metric(NamedTuple):
    """A metric by its dimensions; a value may be known only after the deployment."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


class Search(NamedTuple):
    """Search of a graph, for a whole name if `exact`, else for a word in it."""

    namespace: str
    name: str
    exact: bool
    dimensions: frozenset[str]
    service: str


def named(assembly: Assembly) -> Iterator[tuple[str, Metric | Search]]:
    """Yield every metric or search in the templates, and its place."""
    for stack, name, resource in assembly.all():
        where, properties = f"{stack}/{name}", resource.get("Properties", {})
        yield from ((where, each) for each in _in_alarms(properties))
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            for widget in json.loads(written(properties["DashboardBody"]))["widgets"]:
                yield from ((where, each) for each in _in_widget(widget["properties"]))
        target = properties.get("TargetTrackingScalingPolicyConfiguration", {})
        if custom := target.get("CustomizedMetricSpecification"):
            yield where, _metric(custom)


def _in_alarms(properties: dict[str, Any]) -> Iterator[Metric]:
    if "MetricName" in properties and "Namespace" in properties:
        yield _metric(properties)
    for each in properties.get("Metrics", []):
        if isinstance(each, dict) and "MetricStat" in each:
            yield _metric(each["MetricStat"]["Metric"])


def _metric(said: dict[str, Any]) -> Metric:
    dimensions = {each["Name"]: written(each["Value"]) for each in said.get("Dimensions", [])}
    if "function_version" in dimensions:  # CloudFormation knows it once it is published
        assert dimensions["function_version"].endswith(".Version>")
        dimensions["function_version"] = VERSION
    return Metric(said["Namespace"], said["MetricName"], tuple(sorted(dimensions.items())))


def _in_widget(properties: dict[str, Any]) -> Iterator[Metric | Search]:
    for line in properties.get("metrics", []):
        if isinstance(line[0], dict):
            expression = line[0].get("expression", "")
            for found in re.findall(r"SEARCH\('(.*?)',", expression):
                yield _search(found)
            continue
        namespace, name, *rest = [each for each in line if not isinstance(each, dict)]
        yield Metric(namespace, name, tuple(sorted(zip(rest[::2], rest[1::2], strict=True))))


def _search(query: str) -> Search:
    found = re.fullmatch(
        r'\{(?P<schema>[^}]*)\} service="(?P<service>[^"]*)" MetricName=(?P<name>.*)', query
    )
    assert found, query
    namespace, *dimensions = found["schema"].split(",")
    name = found["name"]
    exact = name.startswith('"')
    return Search(namespace, name.strip('"'), exact, frozenset(dimensions), found["service"])


def embedded(lines: str) -> Iterator[Metric]:
    """Yield the metrics in log lines, after the specification of the embedded metric format."""
    for line in lines.splitlines():
        record = json.loads(line)
        for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, record[name]) for name in names))
                for metric in directive["Metrics"]:
                    assert metric["Name"] in record
                    yield Metric(directive["Namespace"], metric["Name"], dimensions)


def drift_metrics(service: str) -> Iterator[Metric]:
    """Yield the metrics that scripts.drift sends for predictions with feedback."""
    log = a_log(400, right=0.9)
    for each in metric_data(a_check(log).document, service, datetime.now(UTC)):
        dimensions = {said["Name"]: said["Value"] for said in each["Dimensions"]}
        yield Metric(OURS, each["MetricName"], tuple(sorted(dimensions.items())))


def request(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


@pytest.fixture
def emitted(tmp_path, capsys, monkeypatch):
    """Return the metrics that function, server and refresh watch of a service really emit."""
    for name, value in {"BUCKET": "b", "KEYS": "k", "MODEL": "sentiment"}.items():
        monkeypatch.setenv(name, value)

    def of(service: str) -> set[Metric]:
        capsys.readouterr()
        settings = {"SERVICE": service, "AWS_LAMBDA_FUNCTION_VERSION": VERSION}
        with started(tmp_path / service, **settings) as handler:
            handler({"source": "aws.events"})
            for text in ("good film", "bad film"):
                parameters = {"top_k": 2, "explain": True}
                body = {"inputs": text, "parameters": parameters}
                assert handler(request("POST", "/v1/predict", body))["statusCode"] == 200
        model = ModelInfo("sentiment", "v", "d", "text-classification", ["a", "b"], default=True)
        signals = ServerSignals(service)
        engine = SimpleNamespace(waiting=0, models=lambda: [model])
        signals.attach(engine)  # type: ignore[arg-type]
        manifest = SimpleNamespace(model="sentiment", created=datetime(2026, 1, 2, tzinfo=UTC))
        signals.add_model(SimpleNamespace(manifest=manifest))  # type: ignore[arg-type]
        signals.report()
        monkeypatch.setenv("SERVICE", service)
        refresh_age.report(checked_at(datetime(2026, 1, 2, tzinfo=UTC)), datetime.now(UTC))
        return {*embedded(capsys.readouterr().out), *drift_metrics(service)}

    return of


def is_emitted(metric: Metric | Search, emitted: set[Metric]) -> bool:
    if isinstance(metric, Metric):
        return metric in emitted
    return any(
        each.namespace == metric.namespace
        and {name for name, _ in each.dimensions} == metric.dimensions
        and dict(each.dimensions)["service"] == metric.service
        and (each.name == metric.name if metric.exact else metric.name in each.name.split("_"))
        for each in emitted
    )


def service_of(metric: Metric | Search) -> str:
    return metric.service if isinstance(metric, Search) else dict(metric.dimensions)["service"]


def test_every_metric_of_ours_that_is_named_is_emitted(assembly, emitted):
    ours = [(where, each) for where, each in named(assembly) if each.namespace == OURS]
    assert len({each.name for _, each in ours}) >= 15
    for service in sorted({service_of(each) for _, each in ours}):
        real = emitted(service)
        missing = [
            (where, each)
            for where, each in ours
            if service_of(each) == service and not is_emitted(each, real)
        ]
        assert not missing


def test_every_metric_of_aws_that_is_named_exists_by_these_dimensions(assembly):
    theirs = [each for _, each in named(assembly) if each.namespace != OURS]
    assert {"AWS/Lambda", "AWS/ApiGateway"} <= {each.namespace for each in theirs}
    for each in theirs:
        assert isinstance(each, Metric)
        names, dimensions = AWS[each.namespace]
        assert each.name in names
        assert {name for name, _ in each.dimensions} in dimensions, each


def test_a_metric_that_nobody_emits_is_found(emitted):
    real = emitted("evergreen-prod")
    service = ("service", "evergreen-prod")
    assert is_emitted(Metric(OURS, "requests", (service,)), real)
    assert not is_emitted(Metric(OURS, "request", (service,)), real)
    assert not is_emitted(Metric(OURS, "requests", (("model", "sentiment"), service)), real)
    assert not is_emitted(Metric(OURS, "requests", (("service", "evergreen-dev"),)), real)
    by_model = frozenset({"service", "model"})
    assert is_emitted(Search(OURS, "label", False, by_model, "evergreen-prod"), real)
    assert not is_emitted(Search(OURS, "label", True, by_model, "evergreen-prod"), real)


def test_stages_are_distinguished_by_the_name_that_the_function_is_given(shipped):
    for stage in STAGES:
        sent = {
            service_of(each)
            for where, each in named(shipped)
            if where.startswith(f"evergreen-{stage.name}-") and each.namespace == OURS
        }
        (function,) = (
            each["Properties"]
            for each in shipped.resources(
                f"evergreen-{stage.name}-function", "AWS::Lambda::Function"
            ).values()
            if each["Properties"].get("PackageType") == "Image"
        )
        server = {f"evergreen-{stage.name}-server"} if stage.service else set()
        assert sent == {function["Environment"]["Variables"]["SERVICE"], *server}
