"""What ECR's scanner found in an image, and what it means for it."""

import sys
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from infra.stages import PROD, PROJECT
from scripts.common.errors import CommandError, UsageError
from scripts.deploy.account import Account
from scripts.workflow import scan

DIGEST = f"sha256:{'a' * 64}"
SERVER = f"sha256:{'b' * 64}"
ATTRIBUTES = [
    {"key": "package_version", "value": "3.0"},
    {"key": "package_name", "value": "openssl"},
]
BASIC = {"name": "CVE-2026-1", "severity": "CRITICAL", "attributes": ATTRIBUTES}
ENHANCED = {
    "severity": "CRITICAL",
    "fixAvailable": "YES",
    "packageVulnerabilityDetails": {
        "vulnerabilityId": "CVE-2026-2",
        "vulnerablePackages": [{"name": "urllib3"}],
    },
}


class Scanner:
    """ECR's client with the answers that a test sets, by the library's own models of them."""

    def __init__(self, client):
        self._client, self.stub = client, Stubber(client)
        self.stub.activate()

    def client(self, *_, **__):
        return self._client

    def fails(self):
        self.stub.add_client_error("describe_image_scan_findings", "ScanNotFoundException")

    def is_at(self, status):
        self._answer(status, {})

    def finds(self, *findings, enhanced=(), status="COMPLETE"):
        self.is_at(status)
        self._answer(status, {"findings": list(findings), "enhancedFindings": list(enhanced)})

    def _answer(self, status, findings):
        findings = {"imageScanCompletedAt": datetime.now(UTC), **findings}
        document = {"imageScanStatus": {"status": status}, "imageScanFindings": findings}
        self.stub.add_response("describe_image_scan_findings", document)


@pytest.fixture
def scanner(aws):
    return Scanner(boto3.client("ecr"))


@pytest.fixture
def account(scanner):
    return Account("123456789012", "eu-central-1", scanner)


def found(account, sleep=lambda seconds: None):
    return scan.find_vulnerabilities(account, "evergreen/function", DIGEST, sleep=sleep)


def test_critical_findings_are_reported_with_their_package(scanner, account) -> None:
    scanner.finds(BASIC, {**BASIC, "severity": "HIGH", "name": "CVE-2026-9"})
    assert found(account) == ["CVE-2026-1 openssl"]


@pytest.mark.parametrize(("fix", "reported"), [("YES", True), ("PARTIAL", True), ("NO", False)])
def test_what_nobody_can_fix_yet_does_not_stop_an_image(scanner, account, fix, reported) -> None:
    scanner.finds(enhanced=[{**ENHANCED, "fixAvailable": fix}], status="ACTIVE")
    assert found(account) == (["CVE-2026-2 urllib3"] if reported else [])


def test_the_scanner_is_waited_for(scanner, account) -> None:
    slept: list[float] = []
    scanner.fails()
    scanner.is_at("PENDING")
    scanner.is_at("IN_PROGRESS")
    scanner.finds()
    assert found(account, slept.append) == []
    assert slept == [scan.PAUSE_SECONDS] * 3
    scanner.stub.assert_no_pending_responses()


def test_but_not_for_ever(scanner, account) -> None:
    for _ in range(scan.TRIES):
        scanner.is_at("PENDING")
    with pytest.raises(CommandError, match="does not come to an end"):
        found(account)


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE"])
def test_an_image_that_was_not_scanned_does_not_pass(scanner, account, status) -> None:
    scanner.is_at(status)
    with pytest.raises(CommandError, match=status):
        found(account)


@pytest.fixture
def run(scanner, account, tmp_path, monkeypatch):
    """Run the command, with these accepted."""
    names = tmp_path / "accepted.txt"
    monkeypatch.setattr(scan, "load_stage", lambda name: (PROJECT, PROD))
    monkeypatch.setattr(scan, "open_account", lambda stage: account)
    read_accepted = scan.read_accepted
    monkeypatch.setattr(scan, "read_accepted", lambda: read_accepted(names))

    def scanned(accepted="", server="", *options):
        names.write_text(accepted)
        arguments = ["--stage", "prod", "--function-image", DIGEST, "--server-image", server]
        arguments += options
        monkeypatch.setattr(sys, "argv", ["scan", *arguments])
        scan.main()

    return scanned


def test_an_image_with_a_critical_vulnerability_is_stopped(run, scanner) -> None:
    scanner.finds(BASIC)
    with pytest.raises(CommandError, match="CVE-2026-1 openssl"):
        run()


def test_what_is_live_already_stops_no_newer_model(run, scanner, capsys) -> None:
    """A refresh has prod's code, locks and base: without it the vulnerability would stay too."""
    scanner.finds(BASIC)
    run("", "", "--report")
    assert "::warning::critical vulnerabilities: CVE-2026-1 openssl" in capsys.readouterr().out


def test_unless_somebody_wrote_down_why_it_does_no_harm(run, scanner, capsys) -> None:
    scanner.finds(BASIC)
    run(accepted="# a remark\n\nCVE-2026-1 no caller reaches it, until 2027\n")
    assert "no caller reaches it" in capsys.readouterr().out


def test_a_reason_is_asked_for(run) -> None:
    with pytest.raises(UsageError, match="CVE-2026-1 has no reason"):
        run(accepted="CVE-2026-1\n")


def test_both_images_of_a_stage_are_asked_about(run, scanner, capsys) -> None:
    scanner.finds()
    scanner.finds({**BASIC, "name": "CVE-2026-3"})
    with pytest.raises(CommandError, match="CVE-2026-3"):
        run(server=SERVER)
    printed = capsys.readouterr().out
    assert f"evergreen/function@{DIGEST}: 0 critical" in printed
    assert f"evergreen/server@{SERVER}: 1 critical" in printed


def test_the_file_in_the_repository_is_well_formed() -> None:
    assert all(scan.read_accepted().values())
