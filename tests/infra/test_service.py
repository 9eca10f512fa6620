"""The service: what it runs on, who can reach it, when there is how much of it."""

import html.parser
import re
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.batching.batcher import BatchLimits
from function.batching.engine import BatchingEngine
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.server.__main__ import KEEP_ALIVE_SECONDS
from function.server.settings import ServerSettings
from function.server.signals import ServerSignals
from function.settings import Limits, load_settings
from infra.configuration.checks import ConfigurationError
from infra.configuration.service import ServiceConfiguration, SleepConfiguration, vcpus
from tests.embedded_metric_format import metrics_of
from tests.infra.policies import many, statements, written
from tests.infra.scaled import HEAVY, LIGHT, NIGHTLY, SCALED
from tests.tiny import write_artifact

STAGES = {stage.name: stage for stage in SCALED}
ON_GPU = [HEAVY, NIGHTLY]
EVERYWHERE = "0.0.0.0/0"


@pytest.fixture(params=STAGES)
def stage(request):
    return STAGES[request.param]


@pytest.fixture
def stack(stage):
    return f"evergreen-{stage.name}-service"


@pytest.fixture
def find(scaled, stack):
    """Properties of the one resource of a kind."""
    return lambda kind: scaled.only(stack, f"AWS::{kind}")["Properties"]


@pytest.fixture
def container(find):
    (only,) = find("ECS::TaskDefinition")["ContainerDefinitions"]
    return only


@pytest.fixture
def environment(container):
    return {each["Name"]: each["Value"] for each in container["Environment"]}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    catalog = Catalog(models, "sentiment", lambda each: OnnxBackend(each, 1), max_windows=64)
    catalog.load()
    return catalog


@pytest.fixture(scope="module")
def application(catalog):
    app = create_app(DirectEngine(catalog), load_settings(ServerSettings, {}), lambda _: None)
    return TestClient(app)


def gpus(definition):
    """How many a task definition asks for."""
    return sum(
        int(each["Value"])
        for container in definition["ContainerDefinitions"]
        for each in container.get("ResourceRequirements", [])
        if each["Type"] == "GPU"
    )


def misplaced(definition):
    """Return whether a task wants a GPU where there is none: Fargate accepts it silently."""
    return gpus(definition) > 0 and definition["RequiresCompatibilities"] != ["MANAGED_INSTANCES"]


def test_only_tasks_on_machines_with_a_gpu_ask_for_one(assembly):
    for stack, name, task in assembly.all("AWS::ECS::TaskDefinition"):
        assert not misplaced(task["Properties"]), (stack, name)


def test_a_gpu_that_is_planted_on_fargate_is_found(scaled):
    task = scaled.only("evergreen-light-service", "AWS::ECS::TaskDefinition")["Properties"]
    assert not misplaced(task)
    (container,) = task["ContainerDefinitions"]
    planted = {**container, "ResourceRequirements": [{"Type": "GPU", "Value": "1"}]}
    assert misplaced({**task, "ContainerDefinitions": [planted]})


@pytest.mark.parametrize("stage", ON_GPU, ids=lambda stage: stage.name)
def test_a_task_on_a_gpu_gets_a_machine_that_has_room_for_it(stage, find):
    task = find("ECS::TaskDefinition")
    assert gpus(task) == 1
    assert task["RuntimePlatform"]["CpuArchitecture"] == "X86_64"
    launch = find("ECS::CapacityProvider")["ManagedInstancesProvider"]["InstanceLaunchTemplate"]
    wanted = launch["InstanceRequirements"]
    assert wanted["AcceleratorCount"] == {"Min": 1, "Max": 1}
    assert wanted["AcceleratorTypes"] == ["gpu"]
    assert wanted["AcceleratorManufacturers"] == ["nvidia"]
    assert wanted["AllowedInstanceTypes"] == list(stage.service.instance_types)
    assert wanted["MemoryMiB"]["Min"] >= int(task["Memory"])
    assert 1024 * wanted["VCpuCount"]["Min"] >= int(task["Cpu"])
    assert launch["CapacityOptionType"] == ("SPOT" if stage.service.spot else "ON_DEMAND")


@pytest.mark.parametrize("stage", ON_GPU, ids=lambda stage: stage.name)
def test_ecs_may_pass_the_machines_their_role(find, scaled, stack):
    """AWS's policy lets ECS pass roles of one prefix."""
    assert find("IAM::InstanceProfile")["InstanceProfileName"].startswith("ecsInstanceRole")
    names = [
        role["Properties"].get("RoleName", "")
        for role in scaled.resources(stack, "AWS::IAM::Role").values()
    ]
    assert [len(name) <= 64 for name in names if name.startswith("ecsInstanceRole")] == [True]


def test_the_service_runs_on_the_capacity_that_was_made_for_it(stage, find, scaled, stack):
    (strategy,) = find("ECS::Service")["CapacityProviderStrategy"]
    task = find("ECS::TaskDefinition")
    if stage.service.capacity == "gpu":
        (provider,) = scaled.resources(stack, "AWS::ECS::CapacityProvider")
        assert strategy["CapacityProvider"] == {"Ref": provider}
        assert task["RequiresCompatibilities"] == ["MANAGED_INSTANCES"]
    else:
        assert strategy["CapacityProvider"] in find("ECS::Cluster")["CapacityProviders"]
        assert strategy["CapacityProvider"] == "FARGATE_SPOT"
        assert task["RequiresCompatibilities"] == ["FARGATE"]
        assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
        assert not scaled.resources(stack, "AWS::ECS::CapacityProvider")


@pytest.mark.parametrize(
    ("service", "platform", "variant"),
    [
        (ServiceConfiguration(), "linux/amd64", "gpu"),
        (ServiceConfiguration(capacity="fargate"), "linux/arm64", "cpu"),
        (ServiceConfiguration(capacity="fargate", architecture="x86_64"), "linux/amd64", "cpu"),
    ],
)
def test_the_image_is_built_for_what_it_will_run_on(service, platform, variant):
    assert (service.platform, service.variant) == (platform, variant)


def test_the_container_may_do_next_to_nothing(container):
    assert container["User"] == "10001:10001"
    assert container["ReadonlyRootFilesystem"] is True
    assert not container.get("Privileged")
    assert {each["Name"] for each in container.get("Secrets", [])} <= {"PREDICTION_LOG_KEY"}
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    (scratch,) = container["LinuxParameters"]["Tmpfs"]
    assert scratch["ContainerPath"] == "/tmp"


def test_what_a_task_says_goes_to_a_log_that_has_a_term_and_holds_nobody_up(
    container, scaled, stack
):
    log = container["LogConfiguration"]
    assert log["LogDriver"] == "awslogs"
    assert log["Options"]["mode"] == "non-blocking"
    group = scaled.templates[stack]["Resources"][log["Options"]["awslogs-group"]["Ref"]]
    assert group["Type"] == "AWS::Logs::LogGroup"


def test_the_image_is_named_by_its_digest(container):
    assert re.search(r"/evergreen/server@sha256:[0-9a-f]{64}$", written(container["Image"]))


def test_without_an_image_the_template_asks_for_one(project):
    from tests.infra.synthesis import synthesise

    asked = synthesise(project, [LIGHT]).templates["evergreen-light-service"]["Parameters"]
    assert "Default" not in asked["ServerImage"]


def test_the_server_takes_every_setting_that_it_is_given(environment, tmp_path, stage):
    """A name that it does not know would be ignored without a word."""
    known = {name.upper() for name in ServerSettings.model_fields} | {
        f"MAX_{name.upper()}" for name in Limits.model_fields
    }
    assert set(environment) <= known
    given = {"API_KEY_SHA256": "ab" * 32} if "API_KEY_SHA256" in environment else {}
    settings = load_settings(ServerSettings, {**environment, **given})
    assert settings.service == f"evergreen-{stage.name}-server"
    assert settings.backend == ("torch" if stage.service.capacity == "gpu" else "onnx")
    assert settings.metrics_seconds == 60, "what CloudWatch counts by"


def test_a_task_that_is_stopped_may_finish_what_it_began(environment, container, find):
    graceful = int(environment["STOP_SECONDS"])
    assert container["StopTimeout"] > graceful
    assert container["StopTimeout"] <= 120, "Fargate's most"
    attributes = {
        each["Key"]: each["Value"]
        for each in find("ElasticLoadBalancingV2::TargetGroup")["TargetGroupAttributes"]
    }
    assert int(attributes["deregistration_delay.timeout_seconds"]) >= 30, "the gateway's patience"


def test_a_task_may_call_nothing_and_ecs_may_start_it(scaled, stage, stack, find):
    task = find("ECS::TaskDefinition")
    role, execution = (
        task["TaskRoleArn"]["Fn::GetAtt"][0],
        task["ExecutionRoleArn"]["Fn::GetAtt"][0],
    )
    resources = scaled.templates[stack]["Resources"]
    policies_of_roles = [
        (name, {holder["Ref"] for holder in policy["Properties"]["Roles"]})
        for name, policy in scaled.resources(stack, "AWS::IAM::Policy").items()
    ]
    held = {
        holder: [name for name, each in policies_of_roles if holder in each]
        for holder in (role, execution)
    }
    assert not held[role]
    assert not {"Policies", "ManagedPolicyArns"} & set(resources[role]["Properties"])
    may = {
        action: resource
        for each in statements(scaled)
        if each.where in {f"{stack}/{name}" for name in held[execution]}
        for action in each.actions
        for resource in each.resources
    }
    assert may.pop("ecr:GetAuthorizationToken") == "*"
    if stage.predictions:
        for action in ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"):
            assert re.fullmatch(r"<evergreen-\w+-predictions:\w+KeySecret\w+>", may.pop(action))
    assert set(may) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert all("*" not in resource for resource in may.values())


def flows(assembly, stack):
    """Return allowed connections as (from, to, port), by the names of the security groups."""
    groups = assembly.resources(stack, "AWS::EC2::SecurityGroup")
    names = {
        name: next(tag["Value"] for tag in each["Properties"]["Tags"] if tag["Key"] == "Name")
        for name, each in groups.items()
    }

    def name_of(group):
        return names[group["Fn::GetAtt"][0]]

    incoming, outgoing = set(), set()
    for name, group in groups.items():
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            incoming.add((rule.get("CidrIp"), names[name], rule.get("FromPort")))
        for rule in group["Properties"].get("SecurityGroupEgress", []):
            if rule["CidrIp"] != "255.255.255.255/32":  # how a group says: nobody
                outgoing.add((names[name], rule["CidrIp"], rule["FromPort"]))
    for rule in assembly.resources(stack, "AWS::EC2::SecurityGroupIngress").values():
        rule = rule["Properties"]
        source = rule.get("CidrIp") or name_of(rule["SourceSecurityGroupId"])
        incoming.add((source, name_of(rule["GroupId"]), rule["FromPort"]))
    for rule in assembly.resources(stack, "AWS::EC2::SecurityGroupEgress").values():
        rule = rule["Properties"]
        target = rule.get("CidrIp") or name_of(rule["DestinationSecurityGroupId"])
        outgoing.add((name_of(rule["GroupId"]), target, rule["FromPort"]))
    return incoming, outgoing


def test_nobody_reaches_a_task_but_through_the_gateway(scaled, stack, stage):
    incoming, outgoing = flows(scaled, stack)
    chain = {
        ("The link of the gateway", "The load balancer", 80),
        ("The load balancer", "Tasks", 8080),
    }
    assert incoming == chain
    # On instances it is these that fetch images and write logs; a task there calls nobody.
    caller = "Machines with a GPU" if stage.service.capacity == "gpu" else "Tasks"
    assert outgoing == chain | {(caller, EVERYWHERE, 443)}


def test_the_load_balancer_has_no_public_address(find):
    balancer = find("ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == "internal"
    assert balancer.get("IpAddressType", "ipv4") == "ipv4"


def test_the_server_keeps_idle_connections_longer_than_the_balancer(find):
    attributes = {
        each["Key"]: each["Value"]
        for each in find("ElasticLoadBalancingV2::LoadBalancer")["LoadBalancerAttributes"]
    }
    assert 30 < int(attributes["idle_timeout.timeout_seconds"]) < KEEP_ALIVE_SECONDS


def test_egress_costs_what_was_chosen(scaled, stack, stage, find):
    nat = stage.service.egress == "nat_gateway"
    assert len(scaled.resources(stack, "AWS::EC2::NatGateway")) == (1 if nat else 0)
    assert len(scaled.resources(stack, "AWS::EC2::EIP")) == (1 if nat else 0)
    used = {each["Ref"] for each in _network(find)["Subnets"]}
    subnets = scaled.resources(stack, "AWS::EC2::Subnet")
    public = {subnets[name]["Properties"]["MapPublicIpOnLaunch"] for name in used}
    assert public == {not nat}
    on_fargate = stage.service.capacity == "fargate"
    assert _network(find)["AssignPublicIp"] == ("ENABLED" if on_fargate and not nat else "DISABLED")
    endpoints = scaled.resources(stack, "AWS::EC2::VPCEndpoint").values()
    assert [each["Properties"]["VpcEndpointType"] for each in endpoints] == ["Gateway"]


def _network(find):
    return find("ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]


def test_no_task_starts_before_its_image_may_be_pulled(scaled, stack):
    (service,) = scaled.resources(stack, "AWS::ECS::Service").values()
    policies = {
        name
        for name, each in scaled.resources(stack, "AWS::IAM::Policy").items()
        if "ecr:BatchGetImage" in str(each["Properties"]["PolicyDocument"])
    }
    assert policies
    assert policies <= {*service["DependsOn"]}


def test_everything_lies_in_the_same_subnets_of_two_zones(find, scaled, stack, stage):
    used = {each["Ref"] for each in _network(find)["Subnets"]}
    assert {each["Ref"] for each in find("ElasticLoadBalancingV2::LoadBalancer")["Subnets"]} == used
    assert {each["Ref"] for each in find("ApiGatewayV2::VpcLink")["SubnetIds"]} == used
    zones = {
        str(scaled.resources(stack, "AWS::EC2::Subnet")[name]["Properties"]["AvailabilityZone"])
        for name in used
    }
    assert len(zones) == 2
    letters = stage.service.zones
    assert all(any(zone.count(f"'{each}'") for each in letters) for zone in zones) == bool(letters)


def test_no_zone_is_looked_up_in_an_account(scaled):
    """HEAVY names its account, which the CDK would ask for its zones."""
    import json

    manifest = json.loads((scaled.folder / "manifest.json").read_text())
    assert not manifest.get("missing")


def routes(assembly, stage):
    """Route key to the path that the server sees, and what the gateway asks callers for."""
    stack = f"evergreen-{stage.name}-service"
    resources = assembly.templates[stack]["Resources"]
    found = {}
    for route in assembly.resources(stack, "AWS::ApiGatewayV2::Route").values():
        properties = route["Properties"]
        (target,) = re.findall(r"integrations/<(\w+)>", written(properties["Target"]))
        integration = resources[target]["Properties"]
        assert integration["ConnectionType"] == "VPC_LINK"
        assert integration["IntegrationType"] == "HTTP_PROXY"
        found[properties["RouteKey"]] = (
            integration["RequestParameters"]["overwrite:path"],
            properties["AuthorizationType"],
            str(properties.get("AuthorizerId", "")),
        )
    return found


def test_the_gateways_routes(scaled, stage):
    paths = {key: path for key, (path, *_) in routes(scaled, stage).items()}
    assert paths == {
        **{f"{each} /gpu/{{proxy+}}": "/${request.path.proxy}" for each in ("GET", "HEAD", "POST")},
        "POST /gpu": "/",
    }


def test_callers_show_the_same_as_at_the_rest_of_the_api(scaled, stage, environment):
    stack = f"evergreen-{stage.name}-function"
    default = scaled.only(stack, "AWS::ApiGatewayV2::Route")["Properties"]
    for _, kind, authorizer in routes(scaled, stage).values():
        assert kind == default["AuthorizationType"]
        assert bool(authorizer) == ("AuthorizerId" in default)
    (function,) = (
        each["Properties"]["Environment"]["Variables"]
        for each in scaled.resources(stack, "AWS::Lambda::Function").values()
        if "ImageUri" in each["Properties"]["Code"]
    )
    for name in ("AUTH", "API_KEY_SHA256"):
        assert environment.get(name) == function.get(name)


class Links(html.parser.HTMLParser):
    """Every address that a page names."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attributes):
        self.found |= {
            value
            for name, value in attributes
            if name in ("href", "src", "spec-url")
            and value
            and not value.startswith(("data:", "#"))
        }


def through(assembly, method, path):
    """The path that the server sees, None where the gateway has no route of ours for it."""
    keys = {key: mapped for key, (mapped, *_) in routes(assembly, HEAVY).items()}
    if f"{method} {path}" in keys:
        return keys[f"{method} {path}"]
    matched = re.fullmatch(r"/gpu/(.*)", path)
    if not matched or f"{method} /gpu/{{proxy+}}" not in keys:
        return None
    return keys[f"{method} /gpu/{{proxy+}}"].replace("${request.path.proxy}", matched.group(1))


@pytest.mark.parametrize("page", ["/gpu/", "/gpu/docs", "/gpu/redoc"])
def test_every_address_in_a_page_leads_back_to_the_server(scaled, application, page):
    text = application.get(through(scaled, "GET", page)).text
    links = Links()
    links.feed(text)
    assert links.found
    in_scripts = set(re.findall(r"url: '([^']+)'", text))
    for address in links.found | in_scripts:
        target = urlsplit(urljoin(f"https://x.example.com{page}", address))
        assert target.netloc == "x.example.com", address
        path = through(scaled, "GET", target.path)
        assert path, f"{address} leaves the service"
        assert application.get(path).status_code == 200, address


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/gpu/v1/predict", {"inputs": "good"}),
        ("/gpu/v1/models/sentiment/predict", {"inputs": "good"}),
        ("/gpu/models/sentiment", {"inputs": "good", "parameters": {}}),
        ("/gpu", {"inputs": "good", "parameters": {}}),
        ("/gpu/predict", {"inputs": "good"}),
    ],
)
def test_every_protocol_answers_below_the_prefix(scaled, application, path, body):
    answer = application.post(through(scaled, "POST", path), json=body)
    assert answer.status_code == 200, answer.text
    assert "positive" in answer.text


def test_a_page_that_would_call_the_wrong_path_is_not_served(scaled):
    assert through(scaled, "GET", "/gpu") is None


def test_a_task_gets_requests_when_its_model_is_loaded(find, application):
    group = find("ElasticLoadBalancingV2::TargetGroup")
    assert application.get(group["HealthCheckPath"]).json() == {"status": "ready"}
    assert group["HealthCheckTimeoutSeconds"] < group["HealthCheckIntervalSeconds"]
    assert group["Port"] == 8080
    assert group["TargetType"] == "ip"


def test_a_deployment_that_fails_is_rolled_back_and_nobody_waits(find, scaled, stack):
    service = find("ECS::Service")
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    alarms = deployment["Alarms"]
    assert (alarms["Enable"], alarms["Rollback"]) == (True, True)
    (name,) = alarms["AlarmNames"]
    alarm = scaled.templates[stack]["Resources"][name["Ref"]]
    assert alarm["Type"] == "AWS::CloudWatch::Alarm"
    (share,) = (
        each["Expression"] for each in alarm["Properties"]["Metrics"] if "Expression" in each
    )
    assert share.startswith("IF(requests >= 20, 100 * ("), "one failure alone is no share"
    assert service["HealthCheckGracePeriodSeconds"] >= 120
    assert "DesiredCount" not in service, "a deployment would undo what scaling did"


def test_a_service_that_sleeps_is_not_taken_for_one_that_fails(scaled):
    """Asleep the balancer answers 503; only what tasks do, or leave undone, is counted."""
    for _, _, alarm in scaled.all("AWS::CloudWatch::Alarm"):
        names = {
            each["MetricStat"]["Metric"]["MetricName"]
            for each in alarm["Properties"].get("Metrics", [])
            if "MetricStat" in each
        }
        assert "HTTPCode_ELB_503_Count" not in names
        assert "HTTPCode_ELB_5XX_Count" not in names


def policies(assembly, stack, kind):
    """Scaling policies of a kind, by metric."""
    found = assembly.resources(stack, "AWS::ApplicationAutoScaling::ScalingPolicy").values()
    return [each["Properties"] for each in found if each["Properties"]["PolicyType"] == kind]


def test_tasks_are_counted_by_what_each_is_asked_and_by_what_waits(scaled, stack, stage):
    targets = {
        each["CustomizedMetricSpecification"]["MetricName"]: each["TargetValue"]
        for policy in policies(scaled, stack, "TargetTrackingScaling")
        for each in [policy["TargetTrackingScalingPolicyConfiguration"]]
    }
    service = stage.service
    assert targets == {
        "requests": 60 * service.target_requests_per_second,
        "queue_windows_max": service.queue_windows,
    }
    scalable = scaled.only(stack, "AWS::ApplicationAutoScaling::ScalableTarget")["Properties"]
    assert scalable["MinCapacity"] == service.minimum_tasks
    assert scalable["MaxCapacity"] == service.maximum_tasks


def test_every_metric_that_scales_is_one_that_the_server_writes(
    scaled, stack, catalog, environment, capsys
):
    """Not by a list of names: a server is started with the task's settings, and its line read."""
    signals = ServerSignals(environment["SERVICE"])
    engine = BatchingEngine(
        catalog, lambda _: BatchLimits(64, 4, 0.001), calls=1, queue=100, watch=signals.record_batch
    )
    signals.attach(engine)
    signals.report()  # also where nobody asked anything, or no idle task would ever be taken away
    line = capsys.readouterr().out.splitlines()[0]
    emitted = metrics_of(line)
    tracked = policies(scaled, stack, "TargetTrackingScaling")
    assert len(tracked) == 2
    for policy in tracked:
        wanted = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
        unit, (dimensions,), value = emitted[wanted["MetricName"]]
        assert [each["Name"] for each in wanted["Dimensions"]] == dimensions
        assert [each["Value"] for each in wanted["Dimensions"]] == [f"{environment['SERVICE']}"]
        assert f'"Namespace":"{wanted["Namespace"]}"' in line
        assert wanted["Statistic"] == "Average", "a line a minute of each task: what one has to do"
        assert (unit, value) == ("Count", 0)


@pytest.mark.parametrize(
    ("stage", "asleep"), [(LIGHT, (0, 8)), (NIGHTLY, (0, 0))], ids=["light", "nightly"]
)
def test_at_night_there_need_be_no_task_and_in_the_morning_there_is(scaled, stack, stage, asleep):
    scalable = scaled.only(stack, "AWS::ApplicationAutoScaling::ScalableTarget")["Properties"]
    actions = {each["ScheduledActionName"]: each for each in scalable["ScheduledActions"]}
    sleep, rise = actions["Sleep"], actions["Rise"]
    limits = sleep["ScalableTargetAction"]
    assert (limits["MinCapacity"], limits["MaxCapacity"]) == asleep
    limits = rise["ScalableTargetAction"]
    assert limits["MinCapacity"] == stage.service.minimum_tasks
    assert limits["MaxCapacity"] == stage.service.maximum_tasks
    assert sleep["Schedule"] == stage.service.sleep.start
    assert rise["Schedule"] == stage.service.sleep.end
    assert {sleep["Timezone"], rise["Timezone"]} == {stage.service.sleep.time_zone}


def test_callers_who_are_turned_away_wake_a_service_that_may_wake(scaled, stack, stage):
    steps = policies(scaled, stack, "StepScaling")
    wakes = stage is LIGHT
    assert len(steps) == wakes
    if not wakes:
        return
    configuration = steps[0]["StepScalingPolicyConfiguration"]
    assert configuration["AdjustmentType"] == "ChangeInCapacity", "an exact one would take away"
    assert [each["ScalingAdjustment"] for each in configuration["StepAdjustments"]] == [1]
    assert configuration["Cooldown"] >= 180, "no second task while the first is starting"
    (alarm,) = (
        each["Properties"]
        for each in scaled.resources(stack, "AWS::CloudWatch::Alarm").values()
        if each["Properties"].get("MetricName") == "HTTPCode_ELB_503_Count"
    )
    assert (alarm["Period"], alarm["Statistic"], alarm["Threshold"]) == (60, "Sum", 1)
    assert "Wake" in written(many(alarm["AlarmActions"])[0])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"capacity": "ec2"}, "service.capacity: 'ec2' is none of gpu, fargate"),
        ({"instance_types": ()}, "service.instance_types: name at least one"),
        ({"instance_types": ("m7i.large",)}, "service.instance_types: 'm7i.large'"),
        *(
            ({"instance_types": (kind,)}, f"service.instance_types: '{kind}' is not of the form")
            for kind in ("g5g.xlarge", "g4ad.xlarge", "g6f.xlarge", "g5.12xlarge", "p4d.24xlarge")
        ),
        ({"cpu": 8192}, "service.cpu: 8,192 is not between 1,024 and 4,096 CPU units of service."),
        ({"architecture": "sparc"}, "service.architecture: 'sparc'"),
        ({"cpu": 512}, "service.cpu: 512 is not between"),
        ({"memory_megabytes": 512}, "service.memory_megabytes: 512 is not between"),
        ({"capacity": "fargate", "cpu": 3072}, "service.cpu: 3072 is none of Fargate's 1024, 2048"),
        (
            {"capacity": "fargate", "memory_megabytes": 2048},
            "service.memory_megabytes: 2048 does not go with 2048 CPU units on Fargate: take 4096",
        ),
        ({"maximum_tasks": 0}, "service.maximum_tasks: 0 is not"),
        ({"maximum_tasks": 25}, "service.maximum_tasks: 25 is not between 1 and 24 tasks, by addr"),
        (
            {"capacity": "fargate", "maximum_tasks": 74, "zones": ("a", "b", "c")},
            "service.maximum_tasks: 74 is not between 1 and 73 tasks",
        ),
        ({"minimum_tasks": 3}, "service.minimum_tasks: 3 is not between 0 and 2"),
        ({"requests_per_second": 0}, "service.requests_per_second: 0 is not"),
        ({"queue_windows": 0}, "service.queue_windows: 0 is not"),
        ({"egress": "magic"}, "service.egress: 'magic' is none of public_addresses, nat_gateway"),
        ({"zones": ("a",)}, "service.zones: name two or three"),
        ({"zones": ("a", "a")}, "service.zones: name two or three"),
        ({"zones": ("eu-central-1a", "b")}, "service.zones: 'eu-central-1a'"),
        ({"address_range": "10.0.0.0/8"}, "service.address_range: '10.0.0.0/8'"),
        ({"environment": {"AUTH": "public"}}, "service.environment: 'AUTH'"),
    ],
)
def test_nonsense_is_one_line_that_starts_with_its_key(changed, says):
    with pytest.raises(ConfigurationError, match="^" + re.escape(says)) as refused:
        ServiceConfiguration(**changed)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["g4dn.xlarge", "g5.2xlarge", "g6e.16xlarge", "gr6.4xlarge"])
def test_a_machine_with_one_gpu_is_taken_and_its_size_known(kind):
    service = ServiceConfiguration(instance_types=(kind,))
    assert service.size == (3072, 12288)
    assert 4 <= vcpus(kind) <= 64


def test_a_clock_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigurationError, match=r"^service\.sleep\.start: '8 pm'"):
        SleepConfiguration(start="8 pm", end="cron(0 6 * * ? *)")
    with pytest.raises(ConfigurationError, match=r"^service\.sleep\.time_zone: 'MEZ'"):
        SleepConfiguration(start="cron(0 20 * * ? *)", end="cron(0 6 * * ? *)", time_zone="MEZ")
    with pytest.raises(ConfigurationError, match=r"^service\.sleep\.end: is when it started"):
        SleepConfiguration(start="cron(0 6 * * ? *)", end="cron(0 6 * * ? *)")
