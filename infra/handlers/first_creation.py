"""Custom resource that tests the first version before CloudFormation creates the alias.

CodeDeploy calls no hook for a first version. Environment: as in pre_traffic.py.
"""

import json
import os
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .smoke import SmokeTestError, examine

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PHYSICAL_ID = "first-version-answers"
SECONDS = 20


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation when the resource is created, updated or deleted."""
    import boto3
    from botocore.config import Config

    config = Config(read_timeout=120, retries={"total_max_attempts": 1})
    respond(event, boto3.client("lambda", config=config), _put)


def respond(
    event: dict[str, Any], lambda_client: "LambdaClient", put: Callable[[str, bytes], None]
) -> None:
    """Test the version on creation, and respond in any case, since CloudFormation waits for it.

    `put` sends the response to an address.
    """
    status, reason = "SUCCESS", ""
    if event["RequestType"] == "Create":
        try:
            reason = examine(lambda_client, os.environ["VERSION_ARN"], os.environ["AUTH"])
        except SmokeTestError as error:
            status, reason = "FAILED", f"The version does not answer: {error}"
        except Exception as error:  # any other error fails the test, too
            status, reason = "FAILED", f"{type(error).__name__}: {error}"
    print(json.dumps({"request": event["RequestType"], "status": status, "reason": reason}))
    answer = {
        "Status": status,
        "Reason": reason or "nothing to examine",
        "PhysicalResourceId": event.get("PhysicalResourceId", PHYSICAL_ID),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    put(event["ResponseURL"], json.dumps(answer).encode())


def _put(address: str, content: bytes) -> None:
    # The address is CloudFormation's, signed; it takes no content type.
    request = urllib.request.Request(  # noqa: S310
        address, data=content, method="PUT", headers={"content-type": ""}
    )
    with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
        pass
