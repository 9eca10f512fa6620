"""The CDK's command line over an account of moto's.

Moto's CloudFormation skips most of the stacks' resources. They are made by hand, as far as
commands read them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.stand_ins.lambda_versions import LambdaVersions

ACCOUNT, REGION = "123456789012", "eu-central-1"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
REPOSITORIES = ("function", "server")
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}

Client = Callable[..., Any]  # makes boto3's client of a service
# Brings a version to callers, and returns the reason where that fails. Takes the function, the
# version, whether it is the first, and the context of the call.
Rollout = Callable[[LambdaVersions, str, bool, Mapping[str, str]], str]


@dataclass(frozen=True)
class CdkCall:
    """One call of the command line: `cdk COMMAND STACK... --context=KEY=VALUE...`, in a folder."""

    command: str
    stacks: Sequence[str]
    context: Mapping[str, str]
    folder: Path

    @classmethod
    def parse(cls, arguments: Sequence[str], folder: Path) -> Self:
        command, *rest = arguments
        pairs = [each.removeprefix("--context=") for each in rest if each.startswith("--context=")]
        context = dict(pair.split("=", 1) for pair in pairs)
        stacks = [each for each in rest if not each.startswith("--")]
        return cls(command, stacks, context, folder)


def all_at_once(
    function: LambdaVersions, version: str, first: bool, context: Mapping[str, str]
) -> str:
    """Point the alias at a version, with no hook and no canary."""
    function.point(version)
    return ""


class Cdk:
    """The command line, and the account that it changes.

    Args:
        client: Makes clients of the account.
        url: Address of the stage's API, an output of the function's stack.

    Attributes:
        calls: All calls, oldest first.
        failing: The command that fails, or the stack whose deployment does.
        digest: Digest of the image that goes live, instead of the one in the context.
        domain: Custom domain name of the API.
    """

    def __init__(self, client: Client, url: str, rollout: Rollout = all_at_once) -> None:
        self._client, self._url, self._rollout = client, url, rollout
        self.calls: list[CdkCall] = []
        self.failing = self.digest = self.domain = ""

    def run(self, arguments: Sequence[str], folder: Path = Path()) -> str:
        """Run a command in a folder; return the reason where it fails."""
        call = CdkCall.parse(arguments, folder)
        self.calls.append(call)
        if self.failing in (call.command, *call.stacks):
            return f"{self.failing} is meant to fail"
        if call.command == "synth":
            self._synthesise(folder, call.context["stage"])
        for name in call.stacks:
            if call.command == "bootstrap":
                self._client("ssm").put_parameter(
                    Name=BOOTSTRAP, Value="30", Type="String", Overwrite=True
                )
            elif call.command == "destroy":
                self._client("cloudformation").delete_stack(StackName=name)
            elif call.command != "deploy":
                return f"{name}: no {call.command} here"
            elif reason := self._deploy(name, call.context):
                return f"{name}: {reason}"
        return ""

    def _synthesise(self, folder: Path, stage: str) -> None:
        """Write an empty template of each stack of a stage that was deployed so far."""
        deployed = {name for call in self.calls if call.command == "deploy" for name in call.stacks}
        names = sorted(name for name in deployed if f"-{stage}-" in name)
        template = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "empty"}}
        assembly = folder / "cdk.out"
        assembly.mkdir(exist_ok=True)
        (assembly / "empty").write_text("{}")
        manifest = {"artifacts": dict.fromkeys(names, template)}
        (assembly / "manifest.json").write_text(json.dumps(manifest))

    def _deploy(self, name: str, context: Mapping[str, str]) -> str:
        if name.endswith("-function"):
            return self._deploy_function(name, context)
        if name.endswith("-bulk"):
            self._deploy_bulk(name, context)
        elif name.endswith("-foundation"):
            self._deploy_foundation(name)
        else:
            self._create_stack(name, {})
        return ""

    def _deploy_foundation(self, name: str) -> None:
        project = name.removesuffix("-foundation")
        bucket = f"{project}-models-{ACCOUNT}-{REGION}"
        if self._create_stack(name, {"ModelBucket": bucket}):
            self._client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            for repository in REPOSITORIES:
                self._client("ecr").create_repository(
                    repositoryName=f"{project}/{repository}", imageTagMutability="IMMUTABLE"
                )

    def _deploy_bulk(self, name: str, context: Mapping[str, str]) -> None:
        function = LambdaVersions(name, self._client("lambda"))
        function.point(self._publish(function, name.removesuffix("-bulk"), context))
        self._create_stack(name, {})

    def _publish(self, function: LambdaVersions, stage: str, context: Mapping[str, str]) -> str:
        project = stage.removesuffix(f"-{context['stage']}")
        host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
        image = f"{host}/{project}/function@{self.digest or context['function_image']}"
        if function.exists():
            return function.update(image)
        return function.create(image, self._create_role(function.name))

    def _deploy_function(self, name: str, context: Mapping[str, str]) -> str:
        function = LambdaVersions(name.removesuffix("-function"), self._client("lambda"))
        first = not function.exists()
        version = self._publish(function, function.name, context)
        reason = self._rollout(function, version, first, context)
        if not reason:
            url = f"https://{self.domain}" if self.domain else self._url
            self._create_stack(name, {"Url": url, "Endpoint": self._url})
        return reason

    def _create_role(self, name: str) -> str:
        trust = json.dumps({"Statement": [TRUST]})
        role = self._client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        return str(role["Role"]["Arn"])

    def _create_stack(self, name: str, outputs: Mapping[str, str]) -> bool:
        """Create a stack with these outputs; return False where it exists already."""
        client = self._client("cloudformation")
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        try:
            client.create_stack(StackName=name, TemplateBody=json.dumps(template))
        except client.exceptions.AlreadyExistsException:
            return False
        return True
