"""The CDK's command line for tests: notes what it was asked, and makes in moto what the stacks
would make, as far as the commands look at it. Moto's CloudFormation skips most of the real ones."""

import json
import os
from pathlib import Path

import boto3

REPOSITORIES = ("function", "server")
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}


def main(arguments: list[str]) -> int:
    """Exit code of a command."""
    command, *rest = arguments
    names = [each for each in rest if not each.startswith("--")]
    context = dict(
        each.removeprefix("--context=").split("=", 1)
        for each in rest
        if each.startswith("--context=")
    )
    with Path(os.environ["FAKE_CDK_LOG"]).open("a") as log:
        log.write(json.dumps({"command": command, "names": names, "context": context}) + "\n")
    if command in os.environ.get("FAKE_CDK_FAILS", "").split(","):
        return 1
    for name in names:
        if command == "deploy":
            _deploy(name, context)
        elif command == "destroy":
            boto3.client("cloudformation").delete_stack(StackName=name)
        elif command == "bootstrap":
            _put("/cdk-bootstrap/hnb659fds/version", "30")
    return 0


def _deploy(name: str, context: dict[str, str]) -> None:
    if name.endswith("-foundation"):
        _foundation(name)
    elif name.endswith("-function"):
        _function(name, context)
    else:
        _stack(name, {})


def _foundation(name: str) -> None:
    project = name.removesuffix("-foundation")
    bucket = f"{project}-models-123456789012-eu-central-1"
    if _stack(name, {"ModelBucket": bucket}):
        boto3.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        for repository in REPOSITORIES:
            boto3.client("ecr").create_repository(
                repositoryName=f"{project}/{repository}", imageTagMutability="IMMUTABLE"
            )


def _function(name: str, context: dict[str, str]) -> None:
    function = name.removesuffix("-function")
    project = function.removesuffix(f"-{context['stage']}")
    client = boto3.client("lambda")
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    digest = os.environ.get("FAKE_CDK_DIGEST") or context["function_image"]
    image = f"{host}/{project}/function@{digest}"
    if _stack(name, {"Url": os.environ["FAKE_CDK_URL"]}):
        role = boto3.client("iam").create_role(
            RoleName=function, AssumeRolePolicyDocument=json.dumps(TRUST)
        )["Role"]["Arn"]
        client.create_function(
            FunctionName=function,
            Role=role,
            PackageType="Image",
            Code={"ImageUri": image},
            Publish=True,
        )
        client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
        return
    client.update_function_code(FunctionName=function, ImageUri=image)
    version = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)


def _stack(name: str, outputs: dict[str, str]) -> bool:
    """Whether it was not there yet."""
    client = boto3.client("cloudformation")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    try:
        client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    except client.exceptions.AlreadyExistsException:
        return False
    return True


def _put(name: str, value: str) -> None:
    boto3.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
