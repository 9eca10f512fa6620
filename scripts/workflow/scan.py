"""Ask ECR's scanner about a stage's images; critical vulnerabilities that have a fix stop them.

Ends with 1 where there are any that infra/accepted-vulnerabilities.txt does not name. The
foundation turns on basic scanning, which covers the system's packages and knows no fixes. Where the
account has turned on Amazon Inspector, Python's packages are covered too, and fixes are known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common.command_line import add_to_summary, needing, run, stage_parser
from scripts.common.errors import CommandError, UsageError
from scripts.deploy.stacks import load_stage

with needing("make synth"):
    from scripts.deploy.account import CONFIG, Account, aws_errors, open_account

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

ACCEPTED = Path("infra/accepted-vulnerabilities.txt")
TRIES, PAUSE_SECONDS = 60, 10
DONE = ("COMPLETE", "ACTIVE")  # ACTIVE: Inspector's, which keeps scanning
RUNNING = ("PENDING", "IN_PROGRESS")
SEVERITY = "CRITICAL"


def main() -> None:
    parser = stage_parser("scripts.workflow.scan", __doc__)
    parser.add_argument("--function-image", required=True, metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    parser.add_argument(
        "--report",
        action="store_true",
        help="stop nothing: of images that differ from the live ones by their models alone",
    )
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    account = open_account(stage)
    accepted = read_accepted()
    images = {
        project.function_repository: arguments.function_image,
        project.server_repository: arguments.server_image,
    }
    refused: list[str] = []
    for repository, digest in images.items():
        if not digest:
            continue
        found = find_vulnerabilities(account, repository, digest)
        counted = [each for each in found if each.split()[0] not in accepted]
        refused += counted
        print(f"{repository}@{digest}: {_summary(found, counted, accepted)}")
    if refused:
        message = f"critical vulnerabilities: {'; '.join(refused)}"
        add_to_summary(message)
        if arguments.report:  # without this release they would stay as well
            print(f"::warning::{message}")
            return
        raise CommandError(f"{message}. Renew what has them, or give a reason in {ACCEPTED}")


def read_accepted(path: Path = ACCEPTED) -> dict[str, str]:
    """Return vulnerabilities that do not stop an image, by name, each with its reason.

    Raises UsageError where one has no reason.
    """
    reasons = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, reason = line.strip().partition(" ")
        if not name or name.startswith("#"):
            continue
        if not reason:
            raise UsageError(f"{path}: {name} has no reason next to it")
        reasons[name] = reason.strip()
    return reasons


def find_vulnerabilities(
    account: Account, repository: str, digest: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Return an image's critical vulnerabilities that have, or may have, a fix: `NAME PACKAGES`.

    Waits for the scanner. Raises CommandError where it fails or takes too long.
    """
    client = account.session.client("ecr", config=CONFIG)
    _wait(client, repository, digest, sleep)
    with aws_errors("ECR"):
        pages = client.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=repository, imageId={"imageDigest": digest}
        )
        found = [_label(each) for page in pages for each in _critical(page)]
    return sorted({*found})


def _wait(client: ECRClient, repository: str, digest: str, sleep: Callable[[float], None]) -> None:
    for left in reversed(range(TRIES)):
        status = _scan_status(client, repository, digest)
        if status in DONE:
            return
        if status not in RUNNING:
            raise CommandError(f"{repository}@{digest}: ECR's scanner ends with {status}")
        if left:
            sleep(PAUSE_SECONDS)
    raise CommandError(f"{repository}@{digest}: ECR's scanner does not come to an end")


def _scan_status(client: ECRClient, repository: str, digest: str) -> str:
    with aws_errors("ECR"):
        try:
            answer = client.describe_image_scan_findings(
                repositoryName=repository, imageId={"imageDigest": digest}, maxResults=1
            )
        except client.exceptions.ScanNotFoundException:  # it has not begun yet
            return "PENDING"
    return answer["imageScanStatus"]["status"]


def _critical(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return findings that count. Basic scanning knows no fixes: all of its findings do."""
    scan = page["imageScanFindings"]
    return [
        each
        for each in [*scan.get("findings", []), *scan.get("enhancedFindings", [])]
        if each.get("severity") == SEVERITY and each.get("fixAvailable", "YES") != "NO"
    ]


def _label(finding: Mapping[str, Any]) -> str:
    details = finding.get("packageVulnerabilityDetails", {})
    packages = [each["name"] for each in details.get("vulnerablePackages", [])]
    packages += [
        each["value"] for each in finding.get("attributes", []) if each["key"] == "package_name"
    ]
    name = details.get("vulnerabilityId") or finding.get("name") or "unnamed"
    return f"{name} {','.join(packages)}".strip()


def _summary(found: Sequence[str], counted: Sequence[str], accepted: Mapping[str, str]) -> str:
    names = [each.split()[0] for each in found if each not in counted]
    reasons = "".join(f"; {name} is accepted: {accepted[name]}" for name in names)
    return f"{len(counted)} critical vulnerabilities{reasons}"


if __name__ == "__main__":
    run(main)
