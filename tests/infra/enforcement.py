"""An account of moto's in which a role may do what its policies in the templates allow.

moto enforces actions, and resources of S3, STS and IAM alone; `_resource` names those of other
services. It enforces neither conditions, which are left out here, nor policies of resources.
"""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import settings
from moto.codedeploy.models import codedeploy_backends
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.responses import BaseResponse
from moto.iam.access_control import IAMRequest, IAMRequestBase

from tests.infra.policies import many, written
from tests.infra.synthesis import Assembly

ACCOUNT, REGION = "123456789012", "eu-central-1"
CDK_ROLE = f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
NAMES = {  # of resources that policies refer to: where the name stands in the ARN, and its key
    "AWS::IAM::Role": ("iam::<AWS::AccountId>:role/", "RoleName"),
    "AWS::ECR::Repository": ("ecr:<AWS::Region>:<AWS::AccountId>:repository/", "RepositoryName"),
    "AWS::S3::Bucket": ("s3:::", "BucketName"),
}
VALUES = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}
SIGNATURE = IAMRequestBase.check_signature
Statement = dict[str, Any]


def role_policies(assembly: Assembly) -> dict[str, list[Statement]]:
    """Return the statements of each role that has a name, by that name without the project's."""
    found: dict[str, list[Statement]] = {}
    for stack, _, policy in assembly.all("AWS::IAM::Policy"):
        roles = assembly.resources(stack, "AWS::IAM::Role")
        for role in policy["Properties"]["Roles"]:
            if (
                name := role
                if isinstance(role, str)
                else roles[role["Ref"]]["Properties"].get("RoleName")
            ):
                found.setdefault(name.removeprefix("evergreen-"), []).extend(
                    {
                        "Effect": each["Effect"],
                        "Action": many(each["Action"]),
                        "Resource": [_resolved(assembly, stack, r) for r in many(each["Resource"])],
                    }
                    for each in policy["Properties"]["PolicyDocument"]["Statement"]
                )
    return found


def _resolved(assembly: Assembly, stack: str, resource: Any) -> str:
    """Return an ARN with the names that CloudFormation puts in place of references."""

    def arn(match: re.Match[str]) -> str:
        referred = assembly.templates[stack]["Resources"][match[1]]
        before, key = NAMES[referred["Type"]]
        name = referred["Properties"].get(key, f"{stack}-{match[1]}".lower())
        return f"arn:<AWS::Partition>:{before}{written(name)}"

    text = re.sub(r"<(\w+)\.Arn>", arn, written(resource))
    return re.sub(r"<(.*?)>", lambda match: VALUES[match[1]], text)


def document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def reset_account(endpoint: str) -> None:
    """Empty the account, which the server shares with other tests."""
    urllib.request.urlopen(
        urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    ).close()


class Enforcement:
    """Roles of the templates, in an account that enforces their policies while one of them acts.

    Attributes:
        used: Action and resource of each request that was allowed.
    """

    def __init__(self, patch: pytest.MonkeyPatch, policies: dict[str, list[Statement]]) -> None:
        self.used: list[tuple[str, str]] = []
        self._patch, self._policies = patch, policies
        iam, sts = boto3.Session().client("iam"), boto3.Session().client("sts")
        self._credentials = {}
        for name in (CDK_ROLE, *(f"evergreen-{each}" for each in policies)):
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document([ANYBODY]))
            self._credentials[name.removeprefix("evergreen-")] = sts.assume_role(
                RoleArn=role["Role"]["Arn"], RoleSessionName="job"
            )["Credentials"]
        for name in policies:
            self.withhold(name)

    def withhold(self, role: str, *actions: str) -> None:
        """Give a role its policies, without some of their actions."""
        statements = [
            {**each, "Action": kept}
            for each in self._policies[role]
            if (kept := [action for action in each["Action"] if action not in actions])
        ]
        boto3.Session().client("iam").put_role_policy(
            RoleName=f"evergreen-{role}", PolicyName="own", PolicyDocument=document(statements)
        )

    def buckets(self, role: str) -> set[str]:
        """Return the buckets that a role may list."""
        return {
            resource.rpartition(":")[2]
            for each in self._policies[role]
            if "s3:ListBucket" in each["Action"]
            for resource in each["Resource"]
        }

    @contextmanager
    def acting(self, role: str) -> Iterator[None]:
        """Give this process a role's credentials, and enforce policies."""
        given = self._credentials[role]
        with self._patch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", given["AccessKeyId"])
            patch.setenv("AWS_SECRET_ACCESS_KEY", given["SecretAccessKey"])
            patch.setenv("AWS_SESSION_TOKEN", given["SessionToken"])
            patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
            patch.setattr(ActionAuthenticatorMixin, "request_count", 0)
            patch.setattr(BaseResponse, "_determine_resource", _resource, raising=False)
            patch.setattr(CodeDeployResponse, "stop_deployment", _stop_deployment, raising=False)
            patch.setattr(IAMRequest, "check_signature", _check_signature)
            patch.setattr(IAMRequestBase, "check_action_permitted", self._check())
            yield

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Enforce nothing, as for what AWS does by roles of its own."""
        with self._patch.context() as patch:
            patch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", float("inf"))
            yield

    def _check(self) -> Callable[[IAMRequestBase, str], None]:
        really = IAMRequestBase.check_action_permitted

        def check(request: IAMRequestBase, resource: str) -> None:
            # moto takes the name by which requests are signed.
            request._action = request._action.replace("monitoring:", "cloudwatch:")
            really(request, resource)
            self.used.append((request._action, resource))
            if request._action == "cloudformation:UpdateStack":
                passed = request._data["RoleARN"][0]
                request._action = "iam:PassRole"  # which moto does not ask for
                really(request, passed)
                self.used.append((request._action, passed))

        return check


def _check_signature(request: IAMRequestBase) -> None:
    """Check a signature, but for GET: there moto takes the query for the body."""
    if request._method != "GET":
        SIGNATURE(request)


def _resource(response: BaseResponse) -> str:
    """Return the ARN for which IAM checks a request, by AWS's table of actions and resources."""
    ask, action = response._get_param, response._get_action()
    match response.service_name:
        case "ecr" if action != "GetAuthorizationToken":
            return _arn("ecr", f"repository/{ask('repositoryName')}")
        case "ssm":
            return _arn("ssm", f"parameter{ask('Name')}")
        case "cloudformation":
            return _arn("cloudformation", f"stack/{ask('StackName')}/id")
        case "awslambda" if name := ask("FunctionName") or ask("function_name"):
            qualifier = ask("Qualifier") or ask("alias_name")
            return _arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))
        case "codedeploy":
            application, group = ask("applicationName"), ask("deploymentGroupName")
            if deployment := ask("deploymentId"):
                known = codedeploy_backends[ACCOUNT][REGION].deployments[deployment]
                application, group = known.application_name, known.deployment_group_name
            return _arn("codedeploy", f"deploymentgroup:{application}/{group}")
        case "cloudwatch" if action == "DescribeAlarms":
            return _arn("cloudwatch", "alarm:*")
    return "*"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _stop_deployment(response: CodeDeployResponse) -> str:
    """Answer an operation that moto's CodeDeploy lacks."""
    known = codedeploy_backends[ACCOUNT][REGION].deployments[response._get_param("deploymentId")]
    known.status = "Stopped"
    return json.dumps({"status": "Succeeded"})
