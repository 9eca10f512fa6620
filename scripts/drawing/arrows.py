"""What calls, runs, watches or feeds what, by the references in the templates."""

import re
from collections.abc import Iterator, Sequence

from scripts.drawing.arrow import Arrow, image_of, taken_back_by
from scripts.drawing.service_arrows import balancer_of, of_service
from scripts.drawing.templates import Place, Template, Templates


def arrows(templates: Templates) -> Iterator[Arrow]:
    """All that one resource says of others; between two of them there may be several."""
    for place, resource in templates.resources():
        if find := FINDERS.get(resource["Type"]):
            yield from find(templates, place, resource)


def _route(templates: Templates, place: Place, route: Template) -> Iterator[Arrow]:
    """The API to what answers a route, by way of a link where there is one."""
    properties = route["Properties"]
    (api,) = templates.referred(place.stack, properties["ApiId"])
    (integration,) = templates.referred(place.stack, properties["Target"])
    said = templates.at(integration)["Properties"]
    ends = [
        balancer_of(templates, each)
        for each in templates.referred(place.stack, said["IntegrationUri"])
    ]
    path = re.sub(r"\{.*\}", "…", properties["RouteKey"].rpartition(" ")[2])
    links = templates.referred(place.stack, said.get("ConnectionId"))
    for end in ends:
        yield from (Arrow(api, link, path) for link in links)
        yield from (Arrow(link, end) for link in links)
        if not links:
            yield Arrow(api, end, path)


def _alias(templates: Templates, place: Place, alias: Template) -> Iterator[Arrow]:
    for function in templates.referred(place.stack, alias["Properties"]["FunctionName"]):
        yield Arrow(place, function)
    update = alias.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {})
    for group in templates.referred(place.stack, update.get("DeploymentGroupName")):
        yield Arrow(group, place, "moves")
        for hook in templates.referred(place.stack, update.get("BeforeAllowTrafficHook")):
            yield Arrow(group, hook, "asks first")


def _function(templates: Templates, place: Place, function: Template) -> Iterator[Arrow]:
    yield from image_of(templates, place, function["Properties"]["Code"].get("ImageUri", ""))


def _first_version(templates: Templates, place: Place, resource: Template) -> Iterator[Arrow]:
    """The alias waits for a resource that a function makes by asking the first version."""
    for hook in templates.referred(place.stack, resource["Properties"]["ServiceToken"]):
        for alias, other in templates.resources():
            if alias.stack == place.stack and place.name in other.get("DependsOn", []):
                yield Arrow(alias, hook, "waits, at first")


def _rule(templates: Templates, place: Place, rule: Template) -> Iterator[Arrow]:
    for target in templates.referred(place.stack, rule["Properties"]["Targets"]):
        yield Arrow(place, target)


def _alarm(templates: Templates, place: Place, alarm: Template) -> Iterator[Arrow]:
    for told in templates.referred(place.stack, alarm["Properties"].get("AlarmActions")):
        other = templates.at(told)
        if other["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy":
            scaled = other["Properties"]["ScalingTargetId"]
            yield from (
                Arrow(place, each, "wakes") for each in templates.referred(told.stack, scaled)
            )
        else:
            yield Arrow(place, told)


def _budget(templates: Templates, place: Place, budget: Template) -> Iterator[Arrow]:
    for told in templates.referred(place.stack, budget["Properties"]):
        yield Arrow(place, told)


def _machine(templates: Templates, place: Place, machine: Template) -> Iterator[Arrow]:
    for other in templates.referred(place.stack, machine["Properties"]["DefinitionString"]):
        yield Arrow(place, other)


def _stream(templates: Templates, place: Place, stream: Template) -> Iterator[Arrow]:
    destination = stream["Properties"]["ExtendedS3DestinationConfiguration"]
    for bucket in templates.referred(place.stack, destination["BucketARN"]):
        yield Arrow(place, bucket)


def _subscription(templates: Templates, place: Place, subscription: Template) -> Iterator[Arrow]:
    """What prints into a log group to where its lines are forwarded."""
    properties = subscription["Properties"]
    groups = templates.referred(place.stack, properties["LogGroupName"])
    for stream in templates.referred(place.stack, properties["DestinationArn"]):
        yield from (Arrow(writer, stream, "lines") for writer in _printing(templates, groups))


def _printing(templates: Templates, groups: Sequence[Place]) -> Iterator[Place]:
    """Functions and services whose log groups are among these."""
    for place, resource in templates.resources():
        logs = resource["Properties"].get("LoggingConfig")
        for task in templates.referred(place.stack, resource["Properties"].get("TaskDefinition")):
            logs = templates.at(task)["Properties"]["ContainerDefinitions"]
        if set(groups) & set(templates.referred(place.stack, logs)):
            yield place


def _role(templates: Templates, place: Place, role: Template) -> Iterator[Arrow]:
    for provider in templates.referred(place.stack, role["Properties"]["AssumeRolePolicyDocument"]):
        yield Arrow(provider, place)


def _policy(templates: Templates, place: Place, policy: Template) -> Iterator[Arrow]:
    properties = policy["Properties"]
    for role in templates.referred(place.stack, properties["Roles"]):
        for resource in templates.referred(place.stack, properties["PolicyDocument"]):
            yield Arrow(role, resource)


FINDERS = {
    "AWS::ApiGatewayV2::Route": _route,
    "AWS::Budgets::Budget": _budget,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CodeDeploy::DeploymentGroup": taken_back_by,
    "AWS::ECS::Service": of_service,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Alias": _alias,
    "AWS::KinesisFirehose::DeliveryStream": _stream,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::SubscriptionFilter": _subscription,
    "AWS::StepFunctions::StateMachine": _machine,
    "Custom::FirstVersionAnswers": _first_version,
}
