"""What the CDK's stacks make, as far as anything here looks at it: moto's CloudFormation skips most
of the real ones, so it is made by hand."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.rehearsal.function import Function
from tests.rehearsal.rollout import Rollout

if TYPE_CHECKING:
    import boto3

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
REPOSITORIES = ("function", "server")
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


class Stacks:
    """CloudFormation, S3's bucket, ECR's repositories, and the function behind its rollout.

    url: of the stage's API. reply_to: where hooks answer CloudFormation.
    """

    def __init__(
        self,
        session: "boto3.Session",
        endpoint: str,
        function: Function,
        rollout: Rollout,
        *,
        url: str,
        reply_to: str,
    ) -> None:
        self._session, self._endpoint = session, endpoint
        self._function, self._rollout = function, rollout
        self._url, self._reply_to = url, reply_to
        self._host = f"123456789012.dkr.ecr.{session.region_name}.amazonaws.com"

    def run(self, command: str, names: list[str], context: Mapping[str, str]) -> tuple[int, str]:
        """What the CDK's command line would do; exit code, and why it is not 0."""
        if command == "bootstrap":
            self._client("ssm").put_parameter(
                Name=BOOTSTRAP, Value="30", Type="String", Overwrite=True
            )
            return 0, ""
        for name in names:
            why = self._deploy(name, context) if command == "deploy" else f"no {command} here"
            if why:
                return 1, f"{name}: {why}"
        return 0, ""

    def _deploy(self, name: str, context: Mapping[str, str]) -> str:
        if name.endswith("-foundation"):
            self._foundation(name)
        elif name.endswith("-function"):
            return self._deploy_function(name, context)
        else:
            self._stack(name, {})
        return ""

    def _foundation(self, name: str) -> None:
        project = name.removesuffix("-foundation")
        bucket = f"{project}-models-123456789012-{self._session.region_name}"
        if self._stack(name, {"ModelBucket": bucket}):
            self._client("s3").create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": self._session.region_name},
            )
            for repository in REPOSITORIES:
                self._client("ecr").create_repository(
                    repositoryName=f"{project}/{repository}", imageTagMutability="IMMUTABLE"
                )

    def _deploy_function(self, name: str, context: Mapping[str, str]) -> str:
        repository = f"{name.split('-')[0]}/function"
        image = f"{self._host}/{repository}@{context['function_image']}"
        if not self._function.exists():
            version = self._function.create(image, self._role(self._function.name))
            why = self._rollout.first(version, self._reply_to)
            if not why:
                self._stack(name, {"Url": self._url})
            return why
        at_once = context.get("rollout") == "AllAtOnce"
        return self._rollout.later(self._function.update(image), at_once=at_once)

    def _role(self, name: str) -> str:
        trust = json.dumps({"Statement": [TRUST]})
        role = self._client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        return str(role["Role"]["Arn"])

    def _stack(self, name: str, outputs: Mapping[str, str]) -> bool:
        """Whether it was not there yet."""
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

    def _client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)
