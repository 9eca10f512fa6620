"""Before there is an alias: ask the first version, and tell CloudFormation whether to go on.

Environment: as of the hook before traffic, which CodeDeploy does not call for a first version.
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
    """CloudFormation's call when the resource is made, changed or removed."""
    import boto3
    from botocore.config import Config

    patient = Config(read_timeout=120, retries={"total_max_attempts": 1})
    respond(event, boto3.client("lambda", config=patient), _put)


def respond(
    event: dict[str, Any],
    lambda_client: "LambdaClient",
    put: Callable[[str, bytes], None],
) -> None:
    """Examine where something is made; what is changed or removed has answered already.

    put: sends an answer to an address. CloudFormation waits for one, whatever happens.
    """
    status, reason = "SUCCESS", ""
    if event["RequestType"] == "Create":
        try:
            reason = examine(lambda_client, os.environ["VERSION_ARN"], os.environ["AUTH"])
        except SmokeTestError as error:
            status, reason = "FAILED", f"The version does not answer: {error}"
        except Exception as error:  # whatever it was, the version has not answered
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
