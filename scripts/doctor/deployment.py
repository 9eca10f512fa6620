"""Checks that a deployment begins with: what is bad would stop it after minutes, or hours."""

from functools import partial

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deploy.account import Account
from scripts.doctor import account, machine
from scripts.doctor.check import CheckResults, run_check


def check_deployment(
    opened: Account, project: ProjectConfiguration, stage: StageConfiguration
) -> CheckResults:
    """Check this machine, and the account as far as a deployment does not mend it itself."""
    yield from machine.tools()
    yield from machine.architecture(stage)
    yield from check_account(opened, project, stage)


def check_account(
    opened: Account, project: ProjectConfiguration, stage: StageConfiguration
) -> CheckResults:
    """Check the account's bootstrap, quotas and roles, and the readers of alarms."""
    for name, check in {
        "bootstrap": partial(account.bootstrap, opened),
        "quotas of Lambda": partial(account.lambda_quotas, opened, stage),
        "quota of GPUs": partial(account.gpu_quota, opened, stage),
        "zones": partial(account.link_zones, opened, stage),
        "service-linked roles": partial(account.service_linked_roles, opened, stage),
        "alarms": partial(account.alarm_readers, opened, project, stage),
    }.items():
        yield from run_check(check, name)
