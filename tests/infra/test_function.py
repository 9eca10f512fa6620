"""The function of a stage, how a version comes to it, and its API."""

import json
import re

import pytest

from function.api.app import EXPOSED_HEADERS
from infra.configuration.checks import ConfigurationError
from infra.configuration.function import FunctionConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.stages import STAGES
from tests.infra.policies import written
from tests.infra.synthesis import DIGEST, synthesise

PROD, DEV = "evergreen-prod-function", "evergreen-dev-function"
EVERYTHING, NOTHING, SIGNED, KEYED = (
    f"evergreen-{name}-function" for name in ("everything", "nothing", "signed", "keyed")
)


def the_function(assembly, stack):
    """Logical id and properties of the one that runs an image."""
    ((name, function),) = (
        (name, each["Properties"])
        for name, each in assembly.resources(stack, "AWS::Lambda::Function").items()
        if each["Properties"].get("PackageType") == "Image"
    )
    return name, function


def test_the_image_is_named_by_digest_and_never_by_tag(shipped):
    _, function = the_function(shipped, PROD)
    image = written(function["Code"]["ImageUri"])
    host = "<AWS::AccountId>.dkr.ecr.eu-central-1.<AWS::URLSuffix>"
    assert image == f"{host}/evergreen/function@{DIGEST}"


def test_memory_timeout_architecture_and_tracing_follow_the_configuration(shipped, options):
    _, function = the_function(shipped, PROD)
    assert function["Architectures"] == ["arm64"]
    assert (function["MemorySize"], function["Timeout"]) == (1769, 29)
    assert function["TracingConfig"] == {"Mode": "Active"}
    _, other = the_function(options, EVERYTHING)
    assert other["Architectures"] == ["x86_64"]
    assert (other["MemorySize"], other["Timeout"]) == (3538, 20)
    variables = other["Environment"]["Variables"]
    assert (variables["MAX_TEXTS"], variables["MAX_BODY_BYTES"]) == ("16", "1000000")


def test_the_architecture_is_the_one_that_images_are_built_for(shipped):
    platforms = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
    for stage in STAGES:
        _, function = the_function(shipped, f"evergreen-{stage.name}-function")
        assert platforms[function["Architectures"][0]] == stage.function.platform


def test_the_function_reads_its_settings_as_the_stack_writes_them(shipped, monkeypatch):
    from function.settings import Settings, load_settings

    _, function = the_function(shipped, DEV)
    variables = function["Environment"]["Variables"]
    assert variables["API_KEY_SHA256"] == "{{resolve:ssm:/evergreen/dev/api-key-sha256}}"
    settings = load_settings(Settings, {**variables, "API_KEY_SHA256": "ab" * 32})
    assert (settings.auth, settings.service) == ("key", "evergreen-dev")
    assert settings.default_model == "sentiment"
    assert str(settings.models_dir) == "/opt/models"


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (EVERYTHING, {"AUTH": "jwt"}),
        (NOTHING, {"AUTH": "public"}),
        (SIGNED, {"AUTH": "iam"}),
        (KEYED, {"AUTH": "key", "API_KEY_SHA256": f"{'ab' * 32},{'cd' * 32}"}),
    ],
)
def test_the_application_receives_who_is_let_in(options, stack, expected):
    _, function = the_function(options, stack)
    variables = function["Environment"]["Variables"]
    passed = {name: variables[name] for name in variables if name in ("AUTH", "API_KEY_SHA256")}
    assert passed == expected


def test_snapshots_are_off_unless_chosen_and_concurrency_is_reserved_by_the_rate(shipped, options):
    _, plain = the_function(shipped, PROD)
    assert "SnapStart" not in plain
    assert plain["ReservedConcurrentExecutions"] == 100
    _, chosen = the_function(options, EVERYTHING)
    assert chosen["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert chosen["ReservedConcurrentExecutions"] == 10


def test_executions_are_kept_ready_in_the_hours_that_were_chosen(shipped, options):
    alias = options.only("evergreen-keyed-function", "AWS::Lambda::Alias")["Properties"]
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    assert not options.resources(EVERYTHING, "AWS::ApplicationAutoScaling::ScalableTarget")
    alias = options.only("evergreen-signed-function", "AWS::Lambda::Alias")["Properties"]
    assert "ProvisionedConcurrencyConfig" not in alias
    target = options.only(
        "evergreen-signed-function", "AWS::ApplicationAutoScaling::ScalableTarget"
    )["Properties"]
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    assert written(target["ResourceId"]).startswith("function:")
    assert written(target["ResourceId"]).endswith(":live")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    hours = {
        each["Schedule"]: (each["ScalableTargetAction"], each["Timezone"])
        for each in target["ScheduledActions"]
    }
    assert hours == {
        "cron(0 8 ? * MON-FRI *)": ({"MinCapacity": 3, "MaxCapacity": 3}, "Europe/Berlin"),
        "cron(0 18 ? * MON-FRI *)": ({"MinCapacity": 0, "MaxCapacity": 0}, "Europe/Berlin"),
    }
    assert not shipped.resources(PROD, "AWS::ApplicationAutoScaling::ScalableTarget")


@pytest.mark.parametrize("stack", ["evergreen-keyed-function", "evergreen-signed-function"])
def test_a_canary_shifts_an_alias_whose_executions_are_kept_ready(options, stack):
    """Lambda changes no provisioned concurrency of an alias with weights, so one party sets it."""
    ((name, alias),) = options.resources(stack, "AWS::Lambda::Alias").items()
    update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert "BeforeAllowTrafficHook" in update
    group = options.templates[stack]["Resources"][update["DeploymentGroupName"]["Ref"]]
    assert "Canary10Percent5Minutes" in json.dumps(group["Properties"]["DeploymentConfigName"])
    assert "RoutingConfig" not in alias["Properties"], "the weights are CodeDeploy's"
    scheduled = options.resources(stack, "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert len(scheduled) + ("ProvisionedConcurrencyConfig" in alias["Properties"]) == 1
    for target in scheduled:
        assert name in json.dumps(target["Properties"]["ResourceId"]), "it comes after the alias"
    for version in options.resources(stack, "AWS::Lambda::Version").values():
        assert "ProvisionedConcurrencyConfig" not in version["Properties"], (
            "it would stay, and cost"
        )


def test_old_versions_stay_unless_each_snapshot_is_paid_for(shipped, options):
    kept = shipped.only(PROD, "AWS::Lambda::Version")
    assert kept["DeletionPolicy"] == "RetainExceptOnCreate"
    assert options.only(EVERYTHING, "AWS::Lambda::Version")["DeletionPolicy"] == "Delete"


def test_another_image_or_key_is_another_version(project):
    def version(**context):
        made = synthesise(project, STAGES[:1], **context)
        (name,) = made.resources(DEV, "AWS::Lambda::Version")
        return name

    base = {"function_image": DIGEST, "api_key_version": "1"}
    first = version(**base)
    assert version(**base) == first
    assert version(**{**base, "function_image": "sha256:" + "cd" * 32}) != first
    assert version(**{**base, "api_key_version": "2"}) != first


def test_the_alias_moves_by_codedeploy_with_alarms_and_a_hook(shipped):
    alias = shipped.only(PROD, "AWS::Lambda::Alias")
    assert alias["Properties"]["Name"] == "live"
    update = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    group = shipped.templates[PROD]["Resources"][update["DeploymentGroupName"]["Ref"]]["Properties"]
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AutoRollbackConfiguration"] == {
        "Enabled": True,
        "Events": [
            "DEPLOYMENT_FAILURE",
            "DEPLOYMENT_STOP_ON_REQUEST",
            "DEPLOYMENT_STOP_ON_ALARM",
        ],
    }
    alarms = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    assert group["AlarmConfiguration"]["Enabled"]
    assert alarms == set(shipped.resources(PROD, "AWS::CloudWatch::Alarm"))
    hook = shipped.templates[PROD]["Resources"][update["BeforeAllowTrafficHook"]["Ref"]]
    assert hook["Properties"]["Handler"] == "handlers.pre_traffic.handler"


def test_where_traffic_moves_at_once_a_ringing_alarm_does_not_keep_a_repair_out(shipped):
    (group,) = shipped.resources(DEV, "AWS::CodeDeploy::DeploymentGroup").values()
    properties = group["Properties"]
    assert properties["DeploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"
    assert not properties["AlarmConfiguration"]["Enabled"]
    assert "DEPLOYMENT_STOP_ON_ALARM" not in properties["AutoRollbackConfiguration"]["Events"]


def test_a_rollout_can_be_chosen_for_one_deployment(project):
    made = synthesise(project, STAGES[1:2], rollout="AllAtOnce")
    (group,) = made.resources(PROD, "AWS::CodeDeploy::DeploymentGroup").values()
    name = group["Properties"]["DeploymentConfigName"]
    assert name == "CodeDeployDefault.LambdaAllAtOnce"


def test_the_canary_is_judged_by_its_own_failures(shipped):
    """Not thinned by the nine of ten requests that still go to the version before."""
    (version,) = shipped.resources(PROD, "AWS::Lambda::Version")
    (alarm,) = (
        each["Properties"]
        for each in shipped.resources(PROD, "AWS::CloudWatch::Alarm").values()
        if "new-version-breaks" in written(each["Properties"]["AlarmName"])
    )
    measured = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert {metric["MetricName"] for metric in measured} == {"Errors", "Invocations"}
    for metric in measured:
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        assert dimensions["FunctionName"] == "evergreen-prod"
        assert dimensions["Resource"] == "evergreen-prod:live"
        assert dimensions["ExecutedVersion"] == {"Fn::GetAtt": [version, "Version"]}


@pytest.mark.parametrize(("free", "reserved"), [("1000", 100), ("10", None), ("", 100)])
def test_an_account_without_room_reserves_nothing_so_that_it_can_be_deployed(
    project, free, reserved
):
    made = synthesise(project, STAGES[1:2], free_concurrency=free)
    (function,) = (
        each["Properties"]
        for each in made.resources(PROD, "AWS::Lambda::Function").values()
        if each["Properties"].get("PackageType") == "Image"
    )
    assert function.get("ReservedConcurrentExecutions") == reserved
    recorded = made.templates[PROD]["Outputs"].get("FreeConcurrency", {"Value": ""})
    assert recorded["Value"] == free


def states(alarm, minutes):
    """Return the state of an alarm after each minute, of failed calls and calls.

    As CloudWatch does: one of the last two minutes over the threshold is enough, and a minute
    without data does not breach. A new alarm has no data.
    """
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 1)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    (expression,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    smallest = re.fullmatch(r"IF\(whole >= (\d+), 100 \* part / whole, 0\)", expression)
    assert smallest, expression
    shares = [100 * part / whole if whole >= int(smallest[1]) else 0 for part, whole in minutes]
    breaching = [share > alarm["Threshold"] for share in shares]
    return [
        "ALARM" if any(breaching[max(0, end - 2) : end]) else "OK"
        for end in range(1, len(breaching) + 1)
    ]


ROLLOUTS = {
    # (failed, calls) of the new version in each minute, and the state after each
    "nobody calls": ([(0, 0), (0, 0)], ["OK", "OK"]),
    "one of ten callers fails": ([(1, 10), (0, 10)], ["OK", "OK"]),
    "one of twenty fails": ([(1, 20), (0, 20)], ["OK", "OK"]),
    "two of twenty fail": ([(0, 20), (2, 20), (0, 20), (0, 20)], ["OK", "ALARM", "ALARM", "OK"]),
    "one call in five fails": ([(0, 2), (6, 30), (5, 28)], ["OK", "ALARM", "ALARM"]),
    "few callers, all failed": ([(3, 3), (4, 4)], ["OK", "OK"]),  # the hook's sample sees it
}


@pytest.mark.parametrize("what", ["new-version-breaks", "answers-5xx"])
@pytest.mark.parametrize("minutes", ROLLOUTS)
def test_a_rollout_ends_by_what_a_share_of_the_new_versions_callers_meets(shipped, what, minutes):
    (alarm,) = (
        each["Properties"]
        for each in shipped.resources(PROD, "AWS::CloudWatch::Alarm").values()
        if what in written(each["Properties"]["AlarmName"])
    )
    calls, expected = ROLLOUTS[minutes]
    assert states(alarm, calls) == expected


def test_failures_of_the_old_version_do_not_end_a_rollout_nor_does_its_alarm(shipped):
    (version,) = shipped.resources(PROD, "AWS::Lambda::Version")
    number = {"Fn::GetAtt": [version, "Version"]}
    for alarm in shipped.resources(PROD, "AWS::CloudWatch::Alarm").values():
        # Another version is another name: CloudFormation makes a new alarm, without a state.
        assert alarm["Properties"]["AlarmName"]["Fn::Join"][1][-1] == number
        for each in alarm["Properties"]["Metrics"]:
            if "MetricStat" in each:
                values = [said["Value"] for said in each["MetricStat"]["Metric"]["Dimensions"]]
                assert number in values


def waits_for(template, name):
    """Every resource that CloudFormation makes before one."""
    found: set[str] = set()
    left = [name]
    resources = template["Resources"]
    while left:
        resource = resources[left.pop()]
        text = json.dumps(resource)
        named = {each for each in resources if f'"{each}"' in text}
        left += named - found
        found |= named
    return found


@pytest.mark.parametrize("stack", [PROD, DEV])
def test_no_alias_moves_before_its_version_its_hooks_and_their_permissions(shipped, stack):
    template = shipped.templates[stack]
    (alias,) = shipped.resources(stack, "AWS::Lambda::Alias")
    before = waits_for(template, alias) - {alias}
    kinds = {template["Resources"][name]["Type"] for name in before}
    assert "Custom::FirstVersionAnswers" in kinds, "the first version is asked, too"
    assert "AWS::CloudWatch::Alarm" in kinds, "alarms watch the new version already"
    hooks = {name for name in before if name.startswith("SmokeTest")}
    assert {each for each in template["Resources"] if each.startswith("SmokeTest")} == hooks


@pytest.mark.parametrize("stack", [PROD, EVERYTHING])
def test_the_hooks_receive_the_exact_version_and_may_call_no_other_function(request, stack):
    assembly = request.getfixturevalue("shipped" if stack == PROD else "options")
    (version,) = assembly.resources(stack, "AWS::Lambda::Version")
    hooks = [
        each["Properties"]
        for each in assembly.resources(stack, "AWS::Lambda::Function").values()
        if each["Properties"].get("PackageType") != "Image"
    ]
    assert [hook["Environment"]["Variables"]["VERSION_ARN"] for hook in hooks] == [
        {"Ref": version}
    ] * 2
    callable_ = [
        statement["Resource"]
        for name, policy in assembly.resources(stack, "AWS::IAM::Policy").items()
        if name.startswith("SmokeTest")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    (function,) = (
        name
        for name, each in assembly.resources(stack, "AWS::Lambda::Function").items()
        if each["Properties"].get("PackageType") == "Image"
    )
    assert [written(each) for each in callable_] == [f"<{function}.Arn>:*"] * 2


def test_the_hooks_carry_their_code_and_nothing_else(shipped):
    folders = [path for path in shipped.folder.glob("asset.*") if path.is_dir()]
    files = {str(p.relative_to(f)) for f in folders for p in f.rglob("*") if p.is_file()}
    assert files == {
        f"handlers/{name}.py"
        for name in ("__init__", "first_creation", "pre_traffic", "refresh_age", "smoke")
    }


def test_the_first_version_is_asked_once_and_not_with_every_deployment(shipped):
    """A property that changed would be an update, and each deployment would wait twice."""
    resource = shipped.only(PROD, "Custom::FirstVersionAnswers")
    assert set(resource["Properties"]) == {"ServiceToken", "ServiceTimeout"}


def test_the_warm_up_schedule_calls_the_alias(shipped, options):
    (rule,) = shipped.resources(PROD, "AWS::Events::Rule").values()
    assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    (target,) = rule["Properties"]["Targets"]
    (alias,) = shipped.resources(PROD, "AWS::Lambda::Alias")
    assert target["Arn"] == {"Ref": alias}
    assert "Input" not in target, "the handler knows EventBridge's own event"
    (other,) = options.resources(EVERYTHING, "AWS::Events::Rule").values()
    assert other["Properties"]["ScheduleExpression"] == "rate(1 minute)"


def test_the_api_is_on_the_default_stage_and_throttled(shipped):
    stage = shipped.only(PROD, "AWS::ApiGatewayV2::Stage")["Properties"]
    assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
    settings = stage["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == 50
    assert settings["ThrottlingBurstLimit"] == 100


def test_every_route_leads_to_the_alias(shipped):
    (alias,) = shipped.resources(PROD, "AWS::Lambda::Alias")
    integration = shipped.only(PROD, "AWS::ApiGatewayV2::Integration")["Properties"]
    assert integration["IntegrationUri"] == {"Ref": alias}
    assert integration["PayloadFormatVersion"] == "2.0"
    route = shipped.only(PROD, "AWS::ApiGatewayV2::Route")["Properties"]
    assert route["RouteKey"] == "$default"


def test_the_access_log_has_routes_and_no_texts_or_addresses(assembly):
    stages = list(assembly.all("AWS::ApiGatewayV2::Stage"))
    assert stages
    for stack, _, stage in stages:
        settings = stage["Properties"]["AccessLogSettings"]
        group = settings["DestinationArn"]["Fn::GetAtt"][0]
        assert assembly.templates[stack]["Resources"][group]["Type"] == "AWS::Logs::LogGroup"
        fields = set(json.loads(settings["Format"]).values())
        assert "$context.routeKey" in fields
        unwanted = ("path", "querystring", "sourceIp", "userAgent", "protocol", "body", "request.")
        assert not [each for each in fields if any(word in each for word in unwanted)]


@pytest.mark.parametrize(
    ("stack", "kind"),
    [(EVERYTHING, "JWT"), (SIGNED, "AWS_IAM"), (NOTHING, "NONE"), (KEYED, "NONE")],
)
def test_the_gateway_checks_what_it_is_configured_to(options, stack, kind):
    route = options.only(stack, "AWS::ApiGatewayV2::Route")["Properties"]
    assert route["AuthorizationType"] == kind
    authorizers = options.resources(stack, "AWS::ApiGatewayV2::Authorizer")
    assert len(authorizers) == (kind == "JWT")
    for authorizer in authorizers.values():
        configuration = authorizer["Properties"]["JwtConfiguration"]
        assert configuration == {"Audience": ["texts"], "Issuer": "https://issuer.example.com/"}


def test_other_pages_may_call_only_where_that_was_configured(shipped, options):
    assert "CorsConfiguration" not in shipped.only(PROD, "AWS::ApiGatewayV2::Api")["Properties"]
    cors = options.only(EVERYTHING, "AWS::ApiGatewayV2::Api")["Properties"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://www.example.com"]
    assert cors["AllowHeaders"] == ["authorization", "*"]
    assert cors["ExposeHeaders"] == list(EXPOSED_HEADERS)


def test_the_gateway_alone_answers_other_origins(options):
    for stack in options.templates:
        assert "CORS_ORIGINS" not in str(options.templates[stack])
    with pytest.raises(ConfigurationError, match=r"function\.environment: 'CORS_ORIGINS'"):
        FunctionConfiguration(environment={"CORS_ORIGINS": "https://www.example.com"})
    with pytest.raises(ConfigurationError, match=r"service\.environment: 'CORS_ORIGINS'"):
        ServiceConfiguration(environment={"CORS_ORIGINS": "https://www.example.com"})


def test_a_domain_has_its_certificate_and_is_entered_where_its_zone_is_known(shipped, options):
    assert not shipped.resources(PROD, "AWS::ApiGatewayV2::DomainName")
    name = options.only(EVERYTHING, "AWS::ApiGatewayV2::DomainName")["Properties"]
    (configuration,) = name["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    record = options.only(EVERYTHING, "AWS::Route53::RecordSet")["Properties"]
    assert (record["Name"], record["Type"]) == ("text.example.com.", "A")
    assert options.templates[EVERYTHING]["Outputs"]["Url"]["Value"] == "https://text.example.com"
    assert not options.resources(SIGNED, "AWS::Route53::RecordSet")
    assert "DomainTarget" in options.templates[SIGNED]["Outputs"]
