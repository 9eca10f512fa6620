"""Checks of an account: bootstrap, quotas, trust in GitHub, and the live release."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from infra.configuration.deployment import Deployment
from infra.configuration.function import UNRESERVED
from infra.configuration.project import ProjectConfiguration
from infra.configuration.service import ServiceConfiguration, vcpus
from infra.configuration.stage import StageConfiguration
from scripts.deploy import foundation
from scripts.deploy.account import CONFIG, LOWEST_BOOTSTRAP, Account, aws_errors
from scripts.deploy.builds import stage_registry
from scripts.deploy.live import live_digest
from scripts.doctor.check import CheckResult, CheckResults, bad, note, ok
from scripts.registry.registry import PRODUCTION
from scripts.registry.releases import list_releases

# Below this a burst of callers is throttled; new accounts may have 10.
COMFORTABLE_CONCURRENCY = 100
NEW_ACCOUNT_MEMORY = 3008  # MB
# List prices of us-east-1 in dollars: a GB-second on arm64; a request, to the API and the function.
GB_SECOND, REQUEST = 0.0000133334, 1.2e-6
MONTH = 730 * 3600  # seconds
# Of running instances, in vCPUs, by the first letter of their type and whether they are spot ones.
GPU_QUOTAS = {
    ("g", False): "L-DB2E81BA",
    ("g", True): "L-3819A6DF",
    ("p", False): "L-417A185B",
    ("p", True): "L-7212CCBC",
}

# Zones in which API Gateway has no VPC links, by its developer guide, "Availability by Region".
WITHOUT_LINK = {"use1-az3", "usw1-az2", "ape1-az1", "apne1-az3", "cac1-az4", "euw3-az2"}


def bootstrap(account: Account) -> CheckResults:
    """Check the version of the CDK's bootstrap."""
    version, target = account.bootstrap_version(), f"aws://{account.number}/{account.region}"
    if version >= LOWEST_BOOTSTRAP:
        yield ok(f"bootstrap: version {version}")
    elif version:
        yield bad(
            f"bootstrap: version {version}, wanted {LOWEST_BOOTSTRAP}", f"cdk bootstrap {target}"
        )
    else:
        yield note("bootstrap: never ran", "make deploy asks, and runs it")


def lambda_quotas(account: Account, stage: StageConfiguration) -> CheckResults:
    """Compare the account's concurrency and memory with the stage's."""
    client = account.session.client("lambda", config=CONFIG)
    with aws_errors("Lambda"):
        limits = client.get_account_settings()["AccountLimit"]
    total = limits["ConcurrentExecutions"]
    ask = "ask for more under Service Quotas, Lambda, Concurrent executions"
    reserved = stage.reserved_concurrency(total)
    if reserved is not None and reserved > total - UNRESERVED:
        yield bad(
            f"concurrency: {total} in all; {reserved} are wanted, {UNRESERVED} must be left over",
            f"{ask}, or lower function.reserved_concurrency",
        )
    elif total < COMFORTABLE_CONCURRENCY:
        bulk = stage.bulk.batches_at_a_time(total) if stage.bulk else 0
        share = f"; bulk scoring takes {bulk} of them" if bulk else ""
        yield note(f"concurrency: {total} in all, as in a new account{share}", ask)
    else:
        yield ok(f"concurrency: {total}")
    yield cost_ceiling(stage, reserved, total)
    memory = stage.function.memory_megabytes
    if memory > NEW_ACCOUNT_MEMORY:
        yield note(
            f"memory: {memory:,} MB; new accounts may have {NEW_ACCOUNT_MEMORY:,}",
            "no API reports this beforehand; where it is refused, ask AWS's support for more",
        )


def cost_ceiling(stage: StageConfiguration, reserved: int | None, total: int) -> CheckResult:
    """Report what callers can cost at most: as if the throttles were at work all month."""
    function, rate = stage.function, stage.api.rate
    at_a_time = min(reserved or total, math.ceil(rate * function.timeout_seconds))
    gigabytes = function.memory_megabytes / 1024
    dollars = MONTH * (at_a_time * gigabytes * GB_SECOND + rate * REQUEST)
    summary = (
        f"{stage.name}: callers of the function can cost ${dollars:,.0f} a month at most, by "
        f"{at_a_time:,} executions at a time and {rate:g} requests a second"
    )
    if reserved is None:
        fix = "nothing is reserved: lower api.rate, or set function.reserved_concurrency"
        return note(summary, fix)
    return ok(summary)


def gpu_quota(account: Account, stage: StageConfiguration) -> CheckResults:
    """Check the quotas of vCPUs with a GPU, of which new accounts have none."""
    service = stage.service
    if service is None or service.capacity != "gpu":
        return
    families: dict[str, int] = {}
    for kind in service.instance_types:
        families[kind[0]] = max(vcpus(kind), families.get(kind[0], 0))
    for family, one in sorted(families.items()):
        yield _family_quota(account, GPU_QUOTAS[family, service.spot], family.upper(), one, service)


def link_zones(account: Account, stage: StageConfiguration) -> CheckResults:
    """Check that the gateway can reach the zones of the service, whose letters AWS shuffles."""
    if stage.service is None:
        return
    client = account.session.client("ec2", config=CONFIG)
    with aws_errors("EC2"):
        zones = client.describe_availability_zones(
            Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
        )["AvailabilityZones"]
    ids = {zone["ZoneName"][-1]: zone["ZoneId"] for zone in zones}
    chosen = stage.service.zones or sorted(ids)[:2]
    without = [
        f"{each} ({ids.get(each, 'not there')})" for each in chosen if not _linked(ids, each)
    ]
    if without:
        fitting = tuple(each for each in sorted(ids) if _linked(ids, each))[:2]
        yield bad(
            f"zones: the gateway's VPC link cannot be in {', '.join(without)}",
            f"service.zones={fitting}",
        )
    else:
        yield ok(f"zones: {', '.join(f'{each} ({ids[each]})' for each in chosen)}")


def _linked(ids: Mapping[str, str], letter: str) -> bool:
    return letter in ids and ids[letter] not in WITHOUT_LINK


def _family_quota(
    account: Account, code: str, family: str, vcpus_each: int, service: ServiceConfiguration
) -> CheckResult:
    """Check a quota against all tasks, and twice as many while a new image is deployed."""
    client = account.session.client("service-quotas", config=CONFIG)
    with aws_errors("Service Quotas"):
        quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"]
    tasks = service.maximum_tasks
    what = f"GPU instances of family {family}: {quota:g} vCPUs, {vcpus_each} an instance"
    ask = f"ask for more under Service Quotas, EC2, {code}; it may take days"
    if quota < vcpus_each * tasks:
        return bad(f"{what}, wanted {vcpus_each * tasks} for {tasks} tasks", ask)
    if quota < 2 * vcpus_each * tasks:
        short = f"{what}: a new image waits while more than {quota // (2 * vcpus_each):g} tasks run"
        return note(short, f"where that is too few, {ask}")
    return ok(f"{what}, {2 * vcpus_each * tasks} are wanted at most")


def service_linked_roles(account: Account, stage: StageConfiguration) -> CheckResults:
    """Check that the roles exist without which a first ECS service fails."""
    client = account.session.client("iam", config=CONFIG)
    for service, name in foundation.service_linked_roles(stage).items():
        with aws_errors("IAM"):
            try:
                client.get_role(RoleName=name)
            except client.exceptions.NoSuchEntityException:
                yield note(
                    f"{name}: not there yet",
                    "make deploy makes it; before a first deployment by GitHub: "
                    f"aws iam create-service-linked-role --aws-service-name {service}",
                )
            else:
                yield ok(f"{name} is there")


def alarm_readers(account: Account, deployment: Deployment) -> CheckResults:
    """Check that alarms notify somebody: addresses are named, and confirmed."""
    stage = deployment.stage
    stack = deployment.stack("watch")
    if not stage.watch.emails:
        yield note(
            f"{stage.name}: its alarms notify nobody", "name watch.emails in infra/stages.py"
        )
    elif account.stack(stack):
        client = account.session.client("sns", config=CONFIG)
        with aws_errors("SNS"):
            found = client.list_subscriptions_by_topic(
                TopicArn=account.output(stack, "AlarmTopic")
            )["Subscriptions"]
        waiting = [
            each["Endpoint"] for each in found if each["SubscriptionArn"] == "PendingConfirmation"
        ]
        if waiting:
            yield note(
                f"{stage.name}: {', '.join(waiting)} did not confirm and gets no alarm",
                "open the link in AWS's mail",
            )
        else:
            yield ok(f"{stage.name}: its alarms notify {len(found)}")


def github_provider(account: Account, project: ProjectConfiguration) -> CheckResults:
    """Report who created the account's OIDC provider for GitHub."""
    if foundation.github_oidc(account, project) == "existing":
        yield ok("GitHub's OIDC provider is there already, and will be used as it is")
    elif foundation.provider_exists(account):
        yield ok("GitHub's OIDC provider is there, made by the foundation")
    else:
        yield ok("GitHub's OIDC provider is not there yet; the foundation makes it")


def trusted_subjects(account: Account, deployment: Deployment) -> CheckResults:
    """Check that the stage's roles accept both forms of the subject of GitHub's jobs."""
    project, stage = deployment
    for purpose, environments in stage.job_environments.items():
        role = deployment.role(purpose)
        yield from _role_subjects(account, project, role, environments)


def _role_subjects(
    account: Account, project: ProjectConfiguration, name: str, environments: Sequence[str]
) -> CheckResults:
    client = account.session.client("iam", config=CONFIG)
    with aws_errors("IAM"):
        try:
            document: Any = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except client.exceptions.NoSuchEntityException:
            yield note(f"{name}: not made yet", "make deploy makes it")
            return
    text = document if isinstance(document, str) else json.dumps(document)
    missing = [
        subject
        for environment in environments
        for subject in project.repository.subjects(f"environment:{environment}")
        if f'"{subject}"' not in unquote(text)
    ]
    if missing:
        yield bad(f"{name} does not take {', '.join(missing)}", "deploy the foundation again")
    else:
        yield ok(f"{name} takes jobs by both forms of their subject")


def check_release(account: Account, deployment: Deployment) -> CheckResults:
    """Check that `live`, the last release, and `production` where the stage moves it, agree."""
    project, stage = deployment
    if account.stack(deployment.stack("function")) is None:
        yield note(f"{stage.name}: not deployed yet", f"make deploy STAGE={stage.name}")
        return
    digest = live_digest(account, deployment.name)
    registry = stage_registry(account, project)
    releases = list_releases(registry.store, stage.name)
    if not releases or releases[-1].image != digest:
        last = releases[-1].image if releases else "none"
        yield bad(
            f"{stage.name}: {digest} is live, the last release is {last}",
            f"a deployment did not come to its end: make deploy STAGE={stage.name}",
        )
        return
    yield ok(f"{stage.name}: {releases[-1].name} is live")
    for model, version in releases[-1].models.items() if stage.moves_production else ():
        alias = registry.alias(model, PRODUCTION)
        now = alias.version if alias else "nothing"
        if now != version:
            yield bad(
                f"{model}: {version} is live, production is {now}",
                f"make deploy STAGE={stage.name}, which ships production and then agrees",
            )
