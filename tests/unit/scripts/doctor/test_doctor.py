"""The doctor as people run it, in an account of moto's."""

from dataclasses import replace

import boto3
import pytest

from infra.configuration.project import GitHubRepository
from infra.configuration.service import ServiceConfiguration
from infra.stages import DEV, PROD, PROJECT
from scripts.common.errors import CommandError
from scripts.doctor import __main__ as doctor
from scripts.doctor.check import run_check
from tests.commands import run_python

ON_GPU = replace(PROD, service=ServiceConfiguration())


@pytest.fixture
def nobody(monkeypatch):
    """GitHub cannot be reached."""
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")


def test_every_line_says_ok_or_how_to_mend_it_and_is_about_one_thing(cloud, nobody):
    ours = GitHubRepository(owner="acme", name="texts", owner_id=11, repository_id=22)
    found = list(doctor.check_all(replace(PROJECT, repository=ours), (DEV, ON_GPU)))
    assert len(found) > 15
    for each in found:
        assert "\n" not in each.summary
        assert each.state == "ok" or each.fix, each.summary
    summaries = " ".join(each.summary for each in found)
    for what in (
        "docker",
        "cdk",
        "images for linux/amd64",
        "account 123456789012",
        "bootstrap",
        "sentiment-lstm take about",
        "quotas of Lambda",
        "quota of GPUs",
        "OIDC provider",
        "evergreen-prod-deploy",
        "environments",
        "schedule",
        "not deployed yet",
    ):
        assert what in summaries


def test_other_accounts_credentials_are_found_before_anything_is_asked(cloud, nobody):
    elsewhere = replace(DEV, account="999999999999")
    last = list(doctor.check_all(PROJECT, (elsewhere,)))[-1]
    assert last.state == "bad"
    assert "these credentials are of account 123456789012" in last.summary
    assert "AWS_PROFILE" in last.fix


def test_what_a_service_says_in_many_lines_is_one():
    def broken():
        raise CommandError("Lambda: <html>\n <h1>Not Found</h1>\n")
        yield

    (found,) = run_check("quotas", broken)
    assert found.summary == "quotas: Lambda: <html> <h1>Not Found</h1>"


@pytest.mark.integration
def test_the_command_ends_with_1_where_something_is_wrong(aws):
    boto3.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
    )
    command = ("-m", "scripts.doctor", "--stage", "dev")
    done = run_python(*command, GITHUB_API_URL="http://127.0.0.1:9")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "bad     infra/stages.py names no repository yet" in done.stdout
    assert "ok      bootstrap: version 30" in done.stdout


@pytest.mark.parametrize(
    ("dev", "prod", "notes"), [("", "", 1), ("1" * 12, "1" * 12, 1), ("1" * 12, "2" * 12, 0)]
)
def test_stages_that_can_reach_production_through_its_account_are_named(dev, prod, notes):
    stages = (replace(DEV, account=dev), replace(PROD, account=prod))
    found = list(doctor.shared_account(stages))
    assert [each.state for each in found] == ["note"] * notes
    assert all("prod shares its account with dev" in each.summary for each in found)
