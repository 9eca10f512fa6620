"""Rules for every stage and option."""

import re

from infra.stages import STAGES
from tests.infra.options import OPTIONS
from tests.infra.policies import many, written
from tests.infra.scaled import SCALED
from tests.infra.synthesis import Assembly

STATEFUL = {
    "AWS::S3::Bucket",
    "AWS::ECR::Repository",
    "AWS::Logs::LogGroup",
    "AWS::IAM::OIDCProvider",
}
# What can be reached from the internet, of all that a stage may have.
HTTP_APIS = {"AWS::ApiGatewayV2::Api"}
OPENED = {
    "AWS::Lambda::Url",
    "AWS::ApiGateway::RestApi",
    "AWS::CloudFront::Distribution",
}


def test_every_log_group_has_a_term(assembly):
    groups = list(assembly.all("AWS::Logs::LogGroup"))
    assert groups
    assert all(group["Properties"]["RetentionInDays"] > 0 for _, _, group in groups)


def test_every_function_logs_to_a_group_of_the_stack(assembly):
    """Lambda makes a group that never forgets where none is named."""
    for stack, name, function in assembly.all("AWS::Lambda::Function"):
        group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        assert assembly.templates[stack]["Resources"][group]["Type"] == "AWS::Logs::LogGroup", name


PLATFORMS = {
    "arm64": "linux/arm64",
    "x86_64": "linux/amd64",
    "ARM64": "linux/arm64",
    "X86_64": "linux/amd64",
}


def test_what_runs_an_image_is_of_the_architecture_that_the_image_is_built_for(assembly):
    """Deployments build images by the same two properties of the configuration."""
    stages = {stage.name: stage for stage in (*STAGES, *OPTIONS, *SCALED)}
    seen = set()
    for stack, name, resource in assembly.all():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            stage = stages[stack.split("-")[1]]
            assert stage.service
            built, runs = stage.service.platform, properties["RuntimePlatform"]["CpuArchitecture"]
        elif resource["Type"] == "AWS::Lambda::Function" and "ImageUri" in properties["Code"]:
            built = stages[stack.split("-")[1]].function.platform
            (runs,) = properties["Architectures"]
        else:
            continue
        assert PLATFORMS[runs] == built, (stack, name)
        seen.add(stack)
    assert {stack for stack in assembly.templates if stack.endswith(("-function", "-bulk"))} <= seen
    assert {stack for stack in assembly.templates if stack.endswith("-service")} <= seen


def test_data_outlives_its_stack_where_that_was_chosen_and_only_there(shipped, options, scaled):
    kept = {"evergreen-prod-function": True, "evergreen-dev-function": False}
    kept["evergreen-foundation"] = True
    _assert_kept(shipped, kept)
    _assert_kept(
        options,
        {
            "evergreen-foundation": False,
            "evergreen-nothing-function": False,
            "evergreen-everything-function": True,
        },
    )
    _assert_kept(
        scaled,
        {
            f"evergreen-{stage}-{part}": stage == "heavy"
            for stage in ("heavy", "light")
            for part in ("service", "bulk", "predictions")
        },
    )


def _assert_kept(assembly: Assembly, expected: dict[str, bool]) -> None:
    for stack, keeps in expected.items():
        resources = assembly.templates[stack]["Resources"]
        stateful = {n: r for n, r in resources.items() if r["Type"] in STATEFUL}
        assert stateful, stack
        for name, resource in stateful.items():
            policy = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
            # Kept, but not where its stack could not be made: its name would be taken.
            assert policy == (
                ("RetainExceptOnCreate", "Retain") if keeps else ("Delete", "Delete")
            ), (stack, name)


def test_nothing_is_open_to_the_internet_but_the_api(assembly):
    kinds = {resource["Type"] for _, _, resource in assembly.all()}
    assert not kinds & OPENED
    assert kinds & HTTP_APIS
    for _, name, bucket in assembly.all("AWS::S3::Bucket"):
        blocked = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert list(blocked.values()) == [True] * 4, name


def test_what_has_a_way_out_has_none_in(assembly):
    """A network has a gateway for what runs in it to reach AWS; no group lets an address in."""
    for stack, name, group in assembly.all("AWS::EC2::SecurityGroup"):
        assert not group["Properties"].get("SecurityGroupIngress"), (stack, name)
    for stack, name, rule in assembly.all("AWS::EC2::SecurityGroupIngress"):
        assert rule["Properties"]["SourceSecurityGroupId"], (stack, name)
        assert not {each for each in rule["Properties"] if each.startswith("Cidr")}, (stack, name)
    for stack, name, balancer in assembly.all("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        assert balancer["Properties"]["Scheme"] == "internal", (stack, name)
    translated = {
        gateway["Properties"]["AllocationId"]["Fn::GetAtt"][0]
        for _, _, gateway in assembly.all("AWS::EC2::NatGateway")
    }
    assert {name for _, name, _ in assembly.all("AWS::EC2::EIP")} == translated


def test_only_the_gateway_and_the_warm_up_schedule_may_call_the_function(assembly):
    for stack, name, permission in assembly.all("AWS::Lambda::Permission"):
        properties = permission["Properties"]
        assert properties["Principal"] in {"apigateway.amazonaws.com", "events.amazonaws.com"}, name
        assert properties["SourceArn"], (stack, name)
        called = written(properties["FunctionName"])
        assert "Live" in called or "<RefreshAge" in called, "the alias and never the function"


def test_buckets_and_topics_take_no_plain_http(assembly):
    kinds = {"AWS::S3::Bucket": "AWS::S3::BucketPolicy", "AWS::SNS::Topic": "AWS::SNS::TopicPolicy"}
    for kind, policy in kinds.items():
        holders = list(assembly.all(kind))
        policies = [each["Properties"]["PolicyDocument"] for _, _, each in assembly.all(policy)]
        denials = [
            statement
            for document in policies
            for statement in document["Statement"]
            if statement["Effect"] == "Deny"
            and statement["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
        ]
        assert len(denials) == len(holders) > 0, kind


def test_no_secret_is_in_any_template(assembly):
    """A key's SHA-256 may be; a key never is. CloudFormation resolves references itself."""
    for stack, _, function in assembly.all("AWS::Lambda::Function"):
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        for name, value in variables.items():
            assert not re.search("SECRET|PASSWORD|TOKEN", name), stack
            if name == "API_KEY_SHA256":
                hexadecimal = all(len(part) == 64 for part in str(value).split(","))
                assert hexadecimal or str(value).startswith("{{resolve:ssm:/evergreen/")
            if name == "PREDICTION_LOG_KEY":
                assert written(value).startswith("{{resolve:secretsmanager:<"), stack


def test_every_alarm_notifies_somebody_or_rolls_a_version_back(assembly):
    groups = [each["Properties"] for _, _, each in assembly.all("AWS::CodeDeploy::DeploymentGroup")]
    rolls_back = {
        alarm["Name"]["Ref"] for group in groups for alarm in group["AlarmConfiguration"]["Alarms"]
    }
    for _, _, service in assembly.all("AWS::ECS::Service"):
        watched = service["Properties"]["DeploymentConfiguration"]["Alarms"]
        rolls_back |= {alarm["Ref"] for alarm in watched["AlarmNames"]}
    for stack, name, alarm in assembly.all("AWS::CloudWatch::Alarm"):
        notified = [written(each) for each in many(alarm["Properties"].get("AlarmActions", []))]
        assert notified or name in rolls_back, (stack, name)


def test_services_that_log_by_the_accounts_one_policy_have_names_that_it_has_already(assembly):
    """AWS's own names begin so; any other group adds a line to a policy of 5,120 characters."""
    for stack, _, resource in assembly.all():
        properties = resource.get("Properties", {})
        target = properties.get("AccessLogSettings", {}).get("DestinationArn")
        for each in properties.get("LoggingConfiguration", {}).get("Destinations", []):
            target = each["CloudWatchLogsLogGroup"]["LogGroupArn"]
        if not target:
            continue
        group = re.findall(r"'Fn::GetAtt': \['(\w+)', 'Arn'\]", str(target))[0]
        name = assembly.templates[stack]["Resources"][group]["Properties"]["LogGroupName"]
        assert written(name).startswith("/aws/vendedlogs/")
        assert "<AWS::StackId>" in written(name), "a retained one would be in the next stack's way"
