"""Before a new version gets traffic: ask it, and tell CodeDeploy whether it may.

Environment: VERSION_ARN of the version, AUTH as deployed. CodeDeploy tells its hooks no more than
ids, so the version comes with the deployment that made it.
"""

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from .smoke import SmokeTestError, examine

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_lambda import LambdaClient


def handler(event: dict[str, Any], _context: object) -> None:
    """CodeDeploy's call, once a deployment."""
    import boto3
    from botocore.config import Config

    # Read for as long as a function may run; a call that is lost is asked again by CodeDeploy.
    patient = Config(read_timeout=120, retries={"total_max_attempts": 1})
    report(event, boto3.client("lambda", config=patient), boto3.client("codedeploy"))


def report(
    event: dict[str, Any], lambda_client: "LambdaClient", codedeploy: "CodeDeployClient"
) -> None:
    """Examine, and report `Succeeded` or `Failed`: what is not reported holds the deployment up
    for an hour."""
    version_arn = os.environ["VERSION_ARN"]
    try:
        outcome = examine(lambda_client, version_arn, os.environ["AUTH"])
        status: Literal["Succeeded", "Failed"] = "Succeeded"
    except SmokeTestError as error:
        outcome, status = str(error), "Failed"
    except Exception as error:  # whatever it was, the version has not answered
        outcome, status = f"{type(error).__name__}: {error}", "Failed"
    print(json.dumps({"version_arn": version_arn, "status": status, "outcome": outcome}))
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )
