"""What is drawn of the templates, and what is written on it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from scripts.common.errors import CommandError
from scripts.drawing.templates import Place, Template, Templates

Properties = Mapping[str, Any]
CONTENTS = {"bulk": "files", "predictions": "predictions"}
ALARM, TARGET = "AWS::CloudWatch::Alarm", "AWS::ApplicationAutoScaling::ScalableTarget"
# What carries, joins, permits or logs, and would hide the rest.
LEFT_OUT = re.compile(
    r"AWS::(EC2::.+|Logs::.+|IAM::.+|S3::BucketPolicy|SNS::(TopicPolicy|Subscription)"
    r"|ApiGatewayV2::(Stage|Route|Integration|Authorizer|DomainName|ApiMapping)|Route53::.+"
    r"|Lambda::(Permission|Version)|CodeDeploy::Application|ECS::(Cluster|TaskDefinition)"
    r"|ElasticLoadBalancingV2::(Listener|TargetGroup)|ApplicationAutoScaling::ScalingPolicy"
    r"|SecretsManager::Secret"
    r"|CloudWatch::Alarm)"  # of which there is one box for all that do the same
    r"|Custom::.+"
)


def written(value: Any) -> str:
    """A value as text; what is known only after the deployment stands in angle brackets."""
    match value:
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(map(written, parts))
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]} | {"Fn::ImportValue": str(name)}:
            return f"<{name}>"
    return str(value)


def _function(properties: Properties) -> str:
    memory = f"{properties['MemorySize']:,} MB"
    if "ImageUri" in properties["Code"]:
        name = properties["FunctionName"]
        return f"Lambda<br/>{name}<br/>{memory}, {properties['Architectures'][0]}"
    return f"hook {properties['Handler'].split('.')[-2]}"


def _rule(properties: Properties) -> str:
    if "ScheduleExpression" in properties:
        return f"clock,<br/>{properties['ScheduleExpression']}"
    return "deployments that<br/>were taken back"


def _machines(properties: Properties) -> str:
    launch = properties["ManagedInstancesProvider"]["InstanceLaunchTemplate"]
    wanted = launch["InstanceRequirements"]
    types = "<br/>".join(wanted["AllowedInstanceTypes"])
    return f"Managed Instances<br/>with a GPU:<br/>{types}"


def _bucket(properties: Properties) -> str:
    """By its name, or where CloudFormation gives it one, by the part of the stage that has it."""
    if "BucketName" in properties:
        return f"bucket {_short(written(properties['BucketName']))}"
    (part,) = (each["Value"] for each in properties["Tags"] if each["Key"] == "part")
    return f"bucket of {CONTENTS[part]}"


def _tasks(properties: Properties) -> str:
    return f"{properties['MinCapacity']} to {properties['MaxCapacity']} tasks"


LABELS: Mapping[str, Callable[[Properties], str]] = {
    "AWS::ApiGatewayV2::Api": lambda of: f"HTTP API<br/>{of['Name']}",
    "AWS::ApiGatewayV2::VpcLink": lambda _: "VPC link",
    TARGET: _tasks,
    "AWS::Budgets::Budget": lambda of: f"budget, ${of['Budget']['BudgetLimit']['Amount']} a month",
    "AWS::CloudWatch::Dashboard": lambda of: f"dashboard {of['DashboardName']}",
    "AWS::CodeDeploy::DeploymentGroup": lambda of: (
        f"CodeDeploy<br/>{str(of['DeploymentConfigName']).rpartition('Lambda')[2]}"
    ),
    "AWS::ECR::Repository": lambda of: f"images {of['RepositoryName']}",
    "AWS::ECS::CapacityProvider": _machines,
    "AWS::ECS::Service": lambda _: "ECS service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda of: f"load balancer,<br/>{of['Scheme']}",
    "AWS::Events::Rule": _rule,
    "AWS::IAM::OIDCProvider": lambda _: "OIDC provider<br/>of GitHub",
    "AWS::IAM::Role": lambda of: f"role {of['RoleName']}",
    "AWS::Lambda::Alias": lambda of: f"alias {of['Name']}",
    "AWS::Lambda::Function": _function,
    "AWS::KinesisFirehose::DeliveryStream": lambda of: f"Firehose<br/>{of['DeliveryStreamName']}",
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Topic": lambda of: f"topic<br/>{of['TopicName']}",
    "AWS::StepFunctions::StateMachine": lambda of: f"state machine<br/>{of['StateMachineName']}",
}


def _short(name: str) -> str:
    return re.sub(r"-<.*", "", name)


def is_drawn(templates: Templates, place: Place, resource: Template) -> bool:
    """Whether a resource has a box of its own. Roles have where people know them by a name.

    Raises CommandError for a type that nobody decided about.
    """
    kind = resource["Type"]
    if kind == "AWS::IAM::Role":
        trusted = resource["Properties"]["AssumeRolePolicyDocument"]
        return any(
            templates.at(each)["Type"] == "AWS::IAM::OIDCProvider"
            for each in templates.referred(place.stack, trusted)
        )
    if kind in LABELS:
        return True
    if not LEFT_OUT.fullmatch(kind):
        raise CommandError(f"{kind}: drawn, or left out? say so in scripts/drawing/labels.py")
    return False
