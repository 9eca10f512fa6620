"""Alarms, their recipients, the budget and the dashboard."""

import json
from dataclasses import replace

import pytest

from infra.configuration.function import FunctionConfiguration
from infra.stages import STAGES
from tests.infra.policies import many, statements, written
from tests.infra.synthesis import REPOSITORY, synthesise

PROD, DEV, EVERYTHING = "evergreen-prod-watch", "evergreen-dev-watch", "evergreen-everything-watch"


def alarms(assembly, stack):
    """Properties of a stack's alarms by what follows the stage in their names."""
    prefix = stack.removesuffix("watch")
    return {
        each["Properties"]["AlarmName"].removeprefix(prefix): each["Properties"]
        for each in assembly.resources(stack, "AWS::CloudWatch::Alarm").values()
    }


def test_everything_that_can_be_unwell_has_an_alarm(shipped):
    assert set(alarms(shipped, PROD)) == {
        "errors",
        "5xx",
        "throttles",
        "time-outs",
        "p99",
        "model-age",
        "refresh-age",
        "drift",
        "traffic-drift",
    }


def test_alarms_without_a_limit_are_off(shipped, options):
    assert not {"model-age", "drift", "traffic-drift"} & set(alarms(shipped, DEV))
    assert "p99" not in alarms(options, "evergreen-nothing-watch")


def test_every_alarm_notifies_when_it_rings_and_when_it_ends(shipped):
    (topic,) = shipped.resources(PROD, "AWS::SNS::Topic")
    for name, alarm in alarms(shipped, PROD).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}], name
        assert alarm["AlarmDescription"], name


def test_a_quiet_stage_does_not_take_a_cold_start_for_its_99th_percentile(shipped):
    metrics = {each["Id"]: each for each in alarms(shipped, PROD)["p99"]["Metrics"]}
    (expression,) = (each["Expression"] for each in metrics.values() if "Expression" in each)
    assert expression == "IF(calls >= 100, p99, 0)"
    assert metrics["p99"]["MetricStat"]["Stat"] == "p99"
    assert metrics["calls"]["MetricStat"]["Metric"]["MetricName"] == "Invocations"


def test_a_call_that_takes_all_its_time_rings(shipped):
    alarm = alarms(shipped, PROD)["time-outs"]
    assert (alarm["Statistic"], alarm["MetricName"]) == ("Maximum", "Duration")
    assert alarm["Threshold"] == 29_000
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_a_model_that_is_old_and_a_schedule_that_stopped_ring_alike(shipped):
    alarm = alarms(shipped, PROD)["model-age"]
    assert alarm["Threshold"] == 45
    assert alarm["TreatMissingData"] == "missing"
    # It begins there, and a change to it is what notifies: a first deployment is quiet.
    assert alarm["InsufficientDataActions"] == alarm["AlarmActions"]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert dimensions == {"service": "evergreen-prod", "model": "sentiment"}


@pytest.mark.parametrize(("minutes", "hours"), [(60, 1), (61, 2), (1440, 24)])
def test_every_period_of_the_models_age_has_a_warm_up_call(project, minutes, hours):
    """A period without one would ring as a schedule that stopped."""
    stage = replace(STAGES[1], function=FunctionConfiguration(tick_minutes=minutes))
    alarm = alarms(synthesise(project, [stage]), PROD)["model-age"]
    assert alarm["Period"] == 3600 * hours
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 86_400, "what CloudWatch takes"


def test_other_alarms_are_quiet_where_nobody_asks(shipped):
    of_schedules = ("model-age", "refresh-age")
    quiet = {name: each for name, each in alarms(shipped, PROD).items() if name not in of_schedules}
    assert {each["TreatMissingData"] for each in quiet.values()} == {"notBreaching"}


def test_drift_is_a_score_unlike_that_of_the_weeks_before(shipped):
    alarm = alarms(shipped, PROD)["drift"]
    band = [each for each in alarm["Metrics"] if "Expression" in each]
    assert "ANOMALY_DETECTION_BAND" in band[0]["Expression"]
    assert alarm["ComparisonOperator"] == "LessThanLowerOrGreaterThanUpperThreshold"
    (metric,) = (each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each)
    assert (metric["Metric"]["MetricName"], metric["Stat"]) == ("score", "Average")


def test_what_the_last_drift_check_found_rings_for_a_day(shipped):
    alarm = alarms(shipped, PROD)["traffic-drift"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "evergreen-prod"}], "of any model"
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("drift", "Maximum", 86400)
    assert alarm["Threshold"] == 1
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_people_are_notified_by_mail(options, shipped):
    (subscription,) = options.resources(EVERYTHING, "AWS::SNS::Subscription").values()
    assert subscription["Properties"]["Protocol"] == "email"
    assert subscription["Properties"]["Endpoint"] == "someone@example.com"
    assert not shipped.resources(PROD, "AWS::SNS::Subscription"), "nobody's address ships"


def test_the_topic_takes_words_from_this_account_only(shipped):
    allowed = [
        each
        for each in statements(shipped)
        if each.where.startswith(PROD) and each.kind == "resource" and each.effect == "Allow"
    ]
    assert all(set(each.actions) == {"sns:Publish"} for each in allowed)
    bound = {
        tuple(many(each.principal["Service"])): "aws:SourceAccount" in str(each.condition)
        for each in allowed
    }
    assert bound == {
        ("budgets.amazonaws.com", "cloudwatch.amazonaws.com"): True,
        # EventBridge does not publish where its statement has a condition.
        ("events.amazonaws.com",): False,
    }


def test_a_deployment_that_failed_is_reported(shipped):
    rules = shipped.resources(PROD, "AWS::Events::Rule").values()
    (rule,) = (each for each in rules if "EventPattern" in each["Properties"])
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.codedeploy"]
    assert pattern["detail"] == {"application": ["evergreen-prod"], "state": ["FAILURE", "STOP"]}
    application = shipped.only("evergreen-prod-function", "AWS::CodeDeploy::Application")
    assert application["Properties"]["ApplicationName"] == "evergreen-prod"


def test_a_stage_that_asks_for_it_has_the_budget_of_the_account(shipped, options):
    assert not [*shipped.all("AWS::Budgets::Budget")], "nobody is named who would read of it"
    budget = options.only(EVERYTHING, "AWS::Budgets::Budget")["Properties"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 100, "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    assert "CostFilters" not in budget["Budget"], "the whole account"
    thresholds = [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in budget["NotificationsWithSubscribers"]
    ]
    assert thresholds == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
    (topic,) = options.resources(EVERYTHING, "AWS::SNS::Topic")
    subscribers = [each["Subscribers"] for each in budget["NotificationsWithSubscribers"]]
    assert subscribers == [[{"Address": {"Ref": topic}, "SubscriptionType": "SNS"}]] * 3


@pytest.mark.parametrize(("stage", "count"), [("dev", 12), ("prod", 18)])
def test_alarms_cost_what_the_guide_says(shipped, stage, count):
    """Each metric in an alarm is paid for; a learned band counts as two more."""
    paid = 0
    for stack, _, alarm in shipped.all("AWS::CloudWatch::Alarm"):
        if stack.startswith(f"evergreen-{stage}-"):
            metrics = alarm["Properties"].get("Metrics", [{"MetricStat": {}}])
            paid += sum("MetricStat" in each for each in metrics)
            paid += 2 * sum("ANOMALY" in each.get("Expression", "") for each in metrics)
    assert paid == count
    guide = (REPOSITORY / "docs/deploying.md").read_text()
    assert "for each metric in one: 12 and 18" in guide


@pytest.fixture
def board(shipped):
    body = shipped.only(PROD, "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    return json.loads(written(body))


def test_the_dashboard_shows_all_alarms_and_twelve_graphs(board, shipped):
    first, *graphs = board["widgets"]
    assert len(first["properties"]["alarms"]) == len(alarms(shipped, PROD))
    titles = [each["properties"]["title"] for each in graphs]
    assert titles == [
        "Requests",
        "Failures",
        "Room",
        "Time of an answer (ms)",
        "Time around it (ms)",
        "Where it goes (ms)",
        "Predictions by label",
        "How sure, and tokens per word",
        "Texts",
        "Distance from the reference (PSI)",
        "Accuracy, by feedback",
        "Texts looked at for drift",
    ]


def test_no_graph_covers_another(board):
    taken: set[tuple[int, int]] = set()
    for each in board["widgets"]:
        cells = {
            (x, y)
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        }
        assert not cells & taken, each["properties"].get("title")
        assert max(x for x, _ in cells) < 24
        taken |= cells
