"""The AWS account of a stage, in its region."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

CONFIG = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
)
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
LOWEST_BOOTSTRAP = 8  # the first version with the lookup role, which the CDK needs


@dataclass(frozen=True)
class Account:
    """An account in one region, and a session with its credentials."""

    number: str
    region: str
    session: boto3.Session

    def output(self, stack: str, name: str) -> str:
        """Return an output of a stack. Raises CommandError where either is missing."""
        outputs = self.outputs(stack)
        if name not in outputs:
            raise CommandError(f"{stack}: not deployed here, or has no output {name}")
        return outputs[name]

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack by name; none of one that is missing."""
        found = self.stack(stack)
        outputs = found.get("Outputs", []) if found else []
        return {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def stack(self, name: str) -> "StackTypeDef | None":
        """Return the description of a stack, or None."""
        client = self.session.client("cloudformation", config=CONFIG)
        with aws_errors("CloudFormation"):
            try:
                return client.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                if "does not exist" in str(error):
                    return None
                raise

    def free_concurrency(self, function: str) -> int | None:
        """Return the executions of Lambda that functions other than this one have not reserved.

        None where Lambda does not say, as to a role that may not ask.
        """
        client = self.session.client("lambda", config=CONFIG)
        try:
            limits = client.get_account_settings()["AccountLimit"]
            free = limits["UnreservedConcurrentExecutions"]
            own = client.get_function_concurrency(FunctionName=function)
            return free + own.get("ReservedConcurrentExecutions", 0)
        except client.exceptions.ResourceNotFoundException:  # the function is not there yet
            return free
        except (BotoCoreError, ClientError):
            return None

    def bootstrap_version(self) -> int:
        """Return the version that `cdk bootstrap` left, or 0 where it never ran."""
        client = self.session.client("ssm", config=CONFIG)
        with aws_errors("Parameter Store"):
            try:
                return int(client.get_parameter(Name=BOOTSTRAP_VERSION)["Parameter"]["Value"])
            except client.exceptions.ParameterNotFound:
                return 0


def open_account(stage: StageConfiguration) -> Account:
    """Return the stage's account, reached with the credentials found.

    Sets the region of this process and its children to the stage's. Raises UsageError if there are
    no credentials, or they belong to another account.
    """
    os.environ.update(AWS_REGION=stage.region, AWS_DEFAULT_REGION=stage.region)
    session = boto3.Session(region_name=stage.region)
    try:
        number = session.client("sts", config=CONFIG).get_caller_identity()["Account"]
    except NoCredentialsError as error:
        raise UsageError(
            "no AWS credentials: sign in ('aws sso login', or AWS_PROFILE=...), then try again"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"AWS does not take these credentials: {error}") from error
    if stage.account not in ("", number):
        raise UsageError(
            f"these credentials are of account {number}; stage {stage.name} lives in "
            f"{stage.account}: sign in there"
        )
    return Account(number, stage.region, session)


@contextmanager
def aws_errors(service: str) -> Iterator[None]:
    """Raise botocore's errors as CommandError, in one line that names the service."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{service}: {error}") from error
