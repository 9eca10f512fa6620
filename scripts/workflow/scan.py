"""Ask ECR's scanner about a stage's images; critical vulnerabilities that have a fix stop them.

Ends with 1 where there are any that infra/accepted-vulnerabilities.txt does not name.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common.command_line import add_to_summary, run
from scripts.common.errors import CommandError, UsageError
from scripts.deploy.account import CONFIG, Account, enter, said_plainly
from scripts.deploy.stacks import load_stage

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

ACCEPTED = Path("infra/accepted-vulnerabilities.txt")
TRIES, PAUSE_SECONDS = 60, 10
DONE = ("COMPLETE", "ACTIVE")  # ACTIVE: Inspector's, which goes on looking
RUNNING = ("PENDING", "IN_PROGRESS")
SEVERITY = "CRITICAL"


def vulnerabilities(
    account: Account,
    repository: str,
    digest: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Critical ones of an image that have a fix, or may have one, each by its name and package.

    Waits for the scanner. Raises CommandError where it does not come to an end.
    """
    client = account.session.client("ecr", config=CONFIG)
    _wait(client, repository, digest, sleep)
    with said_plainly("ECR"):
        pages = client.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=repository, imageId={"imageDigest": digest}
        )
        found = [_named(each) for page in pages for each in _critical(page)]
    return sorted({*found})


def accepted(path: Path = ACCEPTED) -> dict[str, str]:
    """Vulnerabilities that do not stop an image, by name, each with its reason.

    Raises UsageError where one has none.
    """
    reasons = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, reason = line.strip().partition(" ")
        if not name or name.startswith("#"):
            continue
        if not reason:
            raise UsageError(f"{path}: {name} has no reason beside it")
        reasons[name] = reason.strip()
    return reasons


def _wait(
    client: "ECRClient", repository: str, digest: str, sleep: Callable[[float], None]
) -> None:
    for left in reversed(range(TRIES)):
        status = _status(client, repository, digest)
        if status in DONE:
            return
        if status not in RUNNING:
            raise CommandError(f"{repository}@{digest}: ECR's scanner ends with {status}")
        if left:
            sleep(PAUSE_SECONDS)
    raise CommandError(f"{repository}@{digest}: ECR's scanner does not come to an end")


def _status(client: "ECRClient", repository: str, digest: str) -> str:
    """Of the scan; what was not begun yet counts as pending."""
    with said_plainly("ECR"):
        try:
            answer = client.describe_image_scan_findings(
                repositoryName=repository, imageId={"imageDigest": digest}, maxResults=1
            )
        except client.exceptions.ScanNotFoundException:
            return "PENDING"
    return answer["imageScanStatus"]["status"]


def _critical(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Basic findings do not tell of fixes: there, each counts."""
    found = page["imageScanFindings"]
    both = [*found.get("findings", []), *found.get("enhancedFindings", [])]
    return [
        each
        for each in both
        if each.get("severity") == SEVERITY and each.get("fixAvailable", "YES") != "NO"
    ]


def _named(finding: Mapping[str, Any]) -> str:
    details = finding.get("packageVulnerabilityDetails", {})
    packages = [each["name"] for each in details.get("vulnerablePackages", [])]
    packages += [
        each["value"] for each in finding.get("attributes", []) if each["key"] == "package_name"
    ]
    name = details.get("vulnerabilityId") or finding.get("name") or "unnamed"
    return f"{name} {','.join(packages)}".strip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.workflow.scan", description=__doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument("--function-image", required=True, metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    account = enter(stage)
    reasons = accepted()
    images = {
        project.function_repository: arguments.function_image,
        project.server_repository: arguments.server_image,
    }
    refused = []
    for repository, digest in images.items():
        if not digest:
            continue
        found = vulnerabilities(account, repository, digest)
        left = [each for each in found if each.split()[0] not in reasons]
        refused += left
        print(f"{repository}@{digest}: {_in_words(found, left, reasons)}")
    if refused:
        said = f"critical vulnerabilities: {'; '.join(refused)}"
        add_to_summary(said)
        raise CommandError(f"{said}. Renew what has them, or give a reason in {ACCEPTED}")


def _in_words(found: Sequence[str], left: Sequence[str], reasons: Mapping[str, str]) -> str:
    spared = [each.split()[0] for each in found if each not in left]
    told = "".join(f"; {name} is accepted: {reasons[name]}" for name in spared)
    return f"{len(left)} critical vulnerabilities{told}"


if __name__ == "__main__":
    run(main)
