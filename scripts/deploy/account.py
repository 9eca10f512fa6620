"""The AWS account that credentials lead to, in a stage's region."""

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
LOWEST_BOOTSTRAP = 8  # from which on the lookup role is there, which the CDK asks for


@dataclass(frozen=True)
class Account:
    """An account, its number, a region of it, and a session to ask it with."""

    number: str
    region: str
    session: boto3.Session

    def output(self, stack: str, name: str) -> str:
        """What a stack says of itself. Raises CommandError where it, or that, is not there."""
        found = self.stack(stack)
        for output in found.get("Outputs", []) if found else []:
            if output.get("OutputKey") == name:
                return output["OutputValue"]
        raise CommandError(f"{stack}: not deployed here, or has no output {name}")

    def stack(self, name: str) -> "StackTypeDef | None":
        """A stack, None where there is none."""
        client = self.session.client("cloudformation", config=CONFIG)
        with said_plainly("CloudFormation"):
            try:
                return client.describe_stacks(StackName=name)["Stacks"][0]
            except ClientError as error:
                if "does not exist" in str(error):
                    return None
                raise

    def bootstrap_version(self) -> int:
        """Of what `cdk bootstrap` made, 0 where it never ran."""
        client = self.session.client("ssm", config=CONFIG)
        with said_plainly("Parameter Store"):
            try:
                return int(client.get_parameter(Name=BOOTSTRAP_VERSION)["Parameter"]["Value"])
            except client.exceptions.ParameterNotFound:
                return 0


def enter(stage: StageConfiguration) -> Account:
    """The account of the credentials at hand. Raises UsageError where there are none, or where
    they lead elsewhere than the stage.

    From here on the stage's region is this process's and its children's, whatever it was before.
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
def said_plainly(service: str) -> Iterator[None]:
    """botocore's errors as ours, in one line."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{service}: {error}") from error
