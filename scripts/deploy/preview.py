"""Previews of pull requests in the sandbox: stacks that CloudFormation makes with its own role.

The CDK's command line would take the bootstrap's roles, which reach every stage of the account.
"""

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import PREVIEW
from scripts.common.errors import CommandError
from scripts.common.progress import log
from scripts.deploy.account import CONFIG, Account, aws_errors
from scripts.deploy.cdk import ASSEMBLY, synthesise
from scripts.deploy.image_update import change_stack, first_failure
from scripts.deploy.live import check_answers, live_digest

TRIES, PAUSE_SECONDS = 120, 10  # 20 minutes for one change
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # so that the same code is the same archive
# Of a stack that can only be deleted.
BROKEN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
Sleep = Callable[[float], None]


def deploy_preview(
    account: Account, deployment: Deployment, digest: str, *, sleep: Sleep = time.sleep
) -> str:
    """Make or update a preview with an image, check that it answers, and return its address.

    A stack that an earlier deployment left half made is deleted first. Raises CommandError.
    """
    project, stage = deployment
    name, function = deployment.stack("function"), deployment.name
    free = account.free_concurrency(function)
    context = {
        "stage": stage.name,
        "function_image": digest,
        "free_concurrency": "" if free is None else str(free),
    }
    template = synthesise(stage.name, context)[name]
    _publish_code(account, name)
    status = _settle(account, name, sleep)
    if status in BROKEN or status == "UPDATE_ROLLBACK_FAILED":
        log(f"{name} is {status}: it is deleted, and made again")
        delete_preview(account, project, stage.name, sleep=sleep)
        status = ""
    client = account.session.client("cloudformation", config=CONFIG)
    with aws_errors("CloudFormation"):
        change = client.update_stack if status else client.create_stack
        change_stack(change, name, template, _role(account, project))
    status = _settle(account, name, sleep)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise _failed(account, name, status)
    live = live_digest(account, function)
    if live != digest:
        raise CommandError(f"{stage.name}: {live} is live, and not {digest}")
    url = account.output(name, "Url")
    log(f"{url}: {check_answers(account, url, stage.api.auth, None, sleep=sleep)}")
    return url


def delete_preview(
    account: Account, project: ProjectConfiguration, name: str, *, sleep: Sleep = time.sleep
) -> bool:
    """Delete a preview, once no other change is under way; return whether there was one.

    Raises CommandError where something of it cannot be deleted.
    """
    stack = project.stack(name, "function")
    client = account.session.client("cloudformation", config=CONFIG)
    if not _settle(account, stack, sleep):
        return False
    with aws_errors("CloudFormation"):
        client.delete_stack(StackName=stack, RoleARN=_role(account, project))
    if status := _settle(account, stack, sleep):
        raise _failed(account, stack, status)
    return True


def list_previews(account: Account, project: ProjectConfiguration) -> list[str]:
    """Return the names of stages `pr-N` that are there, or half there."""
    client = account.session.client("cloudformation", config=CONFIG)
    ours = re.compile(re.escape(project.name) + f"-({PREVIEW})-function")
    with aws_errors("CloudFormation"):
        found = [
            match[1]
            for page in client.get_paginator("list_stacks").paginate()
            for each in page["StackSummaries"]
            if each["StackStatus"] != "DELETE_COMPLETE"
            and (match := ours.fullmatch(each["StackName"]))
        ]
    return sorted({*found}, key=lambda name: int(name.removeprefix("pr-")))


def _failed(account: Account, name: str, status: str) -> CommandError:
    """Return the error of a stack that ended in a wrong status, with the cause."""
    client = account.session.client("cloudformation", config=CONFIG)
    with aws_errors("CloudFormation"):
        return CommandError(f"{name} is {status}: {first_failure(client, name)}")


def _role(account: Account, project: ProjectConfiguration) -> str:
    """Return CloudFormation's role for previews, which infra/components/preview_roles.py makes."""
    return f"arn:aws:iam::{account.number}:role/{project.name}-preview-changes"


def _settle(account: Account, name: str, sleep: Sleep) -> str:
    """Return a stack's status once nothing changes it; empty where there is none."""
    for left in reversed(range(TRIES)):
        found = account.stack(name)
        status = found["StackStatus"] if found else ""
        if not status.endswith("_IN_PROGRESS"):
            return "" if status == "DELETE_COMPLETE" else status
        if left:
            sleep(PAUSE_SECONDS)
    raise CommandError(f"{name} is {status}, after {TRIES * PAUSE_SECONDS // 60} minutes")


def _publish_code(account: Account, name: str) -> None:
    """Upload the code of a stack's hooks to where its template says."""
    client = account.session.client("s3", config=CONFIG)
    for source, bucket, key in _archives(ASSEMBLY, name):
        with aws_errors("S3"):
            client.put_object(Bucket=bucket, Key=key, Body=_zipped(source))


def _archives(assembly: Path, name: str) -> Iterator[tuple[Path, str, str]]:
    """Yield folder, bucket and key of each archive of a stack."""
    document = json.loads((assembly / f"{name}.assets.json").read_text())
    for each in document["files"].values():
        if each["source"]["packaging"] == "zip":
            for target in each["destinations"].values():
                yield assembly / each["source"]["path"], target["bucketName"], target["objectKey"]


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), LONG_AGO)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    return content.getvalue()
