"""Update of a stage's images alone, with the little that the scheduled refresh may do.

The CDK's command line would deploy with roles that can create anything. CloudFormation updates the
stacks here with a role that can change images, and fails if a template has another change.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from infra.configuration.deployment import Deployment
from scripts.common.errors import CommandError
from scripts.common.progress import log
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.deploy.cdk import synthesise

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

LARGEST_TEMPLATE = 51_200  # bytes that CloudFormation takes without a bucket
# A template may have roles, and in a service on GPUs the CDK names one.
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
DELAY_SECONDS, ATTEMPTS = 15, 220  # 55 minutes; credentials last an hour


def update_images(account: Account, deployment: Deployment, context: Mapping[str, str]) -> None:
    """Update the stacks that run an image, one after the other. Raises CommandError."""
    stage = deployment.stage
    templates = synthesise(stage.name, context)
    client = account.session.client("cloudformation", config=CONFIG)
    role = f"arn:aws:iam::{account.number}:role/{deployment.role('image-changes')}"
    for part in stage.image_parts:
        name = deployment.stack(part)
        with aws_errors("CloudFormation"):
            _update(client, name, templates[name], role)


def _update(
    client: "CloudFormationClient", name: str, template: Mapping[str, Any], role: str
) -> None:
    if not change_stack(client.update_stack, name, template, role):
        return
    log(f"{name}: updating")
    try:
        client.get_waiter("stack_update_complete").wait(
            StackName=name, WaiterConfig={"Delay": DELAY_SECONDS, "MaxAttempts": ATTEMPTS}
        )
    except WaiterError as error:
        reason = first_failure(client, name) or str(error)
        raise CommandError(f"{name}: not updated: {reason}") from error


def change_stack(
    change: Callable[..., object], name: str, template: Mapping[str, Any], role: str
) -> bool:
    """Create or update a stack with CloudFormation's own role; return whether anything changes.

    `change` is the client's method. Raises ClientError, and CommandError for a large template.
    """
    body = json.dumps(template, separators=(",", ":"))
    if len(body) > LARGEST_TEMPLATE:
        raise CommandError(f"{name}: its template is too large to be updated without a bucket")
    try:
        change(StackName=name, TemplateBody=body, RoleARN=role, Capabilities=CAPABILITIES)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        log(f"{name}: no changes")
        return False
    return True


def first_failure(client: "CloudFormationClient", name: str) -> str:
    """Return the first failure of the last change, which is the cause of the others."""
    reason = ""
    for event in client.describe_stack_events(StackName=name)["StackEvents"]:  # the newest first
        status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
        if resource == name and status in BEGINNINGS:
            break
        if status.endswith("_FAILED"):
            reason = f"{resource}: {event.get('ResourceStatusReason', '')}"
    return reason
