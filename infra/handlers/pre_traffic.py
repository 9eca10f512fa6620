"""Hook of CodeDeploy that tests a new version before it gets traffic.

Environment: VERSION_ARN of the version, AUTH as deployed, ERRORS_PERCENT that may fail. CodeDeploy
passes only ids to its hooks, so every deployment writes its version into the hook's environment.
"""

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from .smoke import SmokeTestError, examine

if TYPE_CHECKING:
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_lambda import LambdaClient


def handler(event: dict[str, Any], _context: object) -> None:
    """Test the new version, once a deployment."""
    import boto3
    from botocore.config import Config

    # Wait for a slow invocation and call once: CodeDeploy itself repeats a lost call.
    config = Config(read_timeout=120, retries={"total_max_attempts": 1})
    report(event, boto3.client("lambda", config=config), boto3.client("codedeploy"))


def report(
    event: dict[str, Any], lambda_client: "LambdaClient", codedeploy: "CodeDeployClient"
) -> None:
    """Test the version, and report `Succeeded` or `Failed` to CodeDeploy.

    Without a report the deployment would wait for an hour.
    """
    version_arn = os.environ["VERSION_ARN"]
    try:
        outcome = examine(lambda_client, version_arn, os.environ["AUTH"])
        status: Literal["Succeeded", "Failed"] = "Succeeded"
    except SmokeTestError as error:
        outcome, status = str(error), "Failed"
    except Exception as error:  # any other error fails the test, too
        outcome, status = f"{type(error).__name__}: {error}", "Failed"
    print(json.dumps({"version_arn": version_arn, "status": status, "outcome": outcome}))
    codedeploy.put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status=status,
    )
