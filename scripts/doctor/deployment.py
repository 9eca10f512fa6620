"""Checks that a deployment begins with: what is bad would stop it after minutes, or hours."""

from infra.configuration.deployment import Deployment
from scripts.deploy.account import Account
from scripts.doctor import account, machine, models
from scripts.doctor.check import CheckResults, run_check


def check_deployment(opened: Account, deployment: Deployment) -> CheckResults:
    """Check this machine, and the account as far as a deployment does not mend it itself."""
    stage = deployment.stage
    yield from machine.tools()
    yield from machine.architecture(stage)
    yield from check_account(opened, deployment)


def check_account(opened: Account, deployment: Deployment) -> CheckResults:
    """Check the account's bootstrap, quotas and roles, and the readers of alarms."""
    stage = deployment.stage
    yield from run_check("bootstrap", account.bootstrap, opened)
    yield from run_check("memory", models.memory, opened, deployment)
    yield from run_check("quotas of Lambda", account.lambda_quotas, opened, stage)
    yield from run_check("quota of GPUs", account.gpu_quota, opened, stage)
    yield from run_check("zones", account.link_zones, opened, stage)
    yield from run_check("service-linked roles", account.service_linked_roles, opened, stage)
    yield from run_check("alarms", account.alarm_readers, opened, deployment)
