"""What a deployment needs in the account: bootstrap, quotas, and that GitHub is trusted."""

import json
from typing import Any
from urllib.parse import unquote

from infra.configuration.project import ProjectConfiguration
from infra.configuration.service import ServiceConfiguration, vcpus
from infra.configuration.stage import StageConfiguration
from scripts.deploy import foundation
from scripts.deploy.account import CONFIG, LOWEST_BOOTSTRAP, Account, said_plainly
from scripts.deploy.builds import stage_registry
from scripts.deploy.live import live_digest
from scripts.doctor.check import Finding, Findings
from scripts.registry.registry import PRODUCTION
from scripts.registry.releases import list_releases

# Below this a burst of callers is throttled; new accounts may have 10.
COMFORTABLE_CONCURRENCY = 100
# What Lambda wants to stay unreserved.
UNRESERVED = 100
NEW_ACCOUNT_MEMORY = 3008  # MB
# Of running instances, in vCPUs, by the first letter of their type and whether they are spot ones.
GPU_QUOTAS = {
    ("g", False): "L-DB2E81BA",
    ("g", True): "L-3819A6DF",
    ("p", False): "L-417A185B",
    ("p", True): "L-7212CCBC",
}


def bootstrap(account: Account) -> Findings:
    """Whether the CDK was let in."""
    version, target = account.bootstrap_version(), f"aws://{account.number}/{account.region}"
    if version >= LOWEST_BOOTSTRAP:
        yield Finding("ok", f"bootstrap: version {version}")
    elif version:
        yield Finding(
            "bad",
            f"bootstrap: version {version}, wanted {LOWEST_BOOTSTRAP}",
            f"cdk bootstrap {target}",
        )
    else:
        yield Finding("note", "bootstrap: never ran", "make deploy asks, and runs it")


def lambda_quotas(account: Account, stage: StageConfiguration) -> Findings:
    """Concurrency and memory, against what the stage wants of them."""
    client = account.session.client("lambda", config=CONFIG)
    with said_plainly("Lambda"):
        limits = client.get_account_settings()["AccountLimit"]
    total = limits["ConcurrentExecutions"]
    ask = "ask for more under Service Quotas, Lambda, Concurrent executions"
    reserved = stage.function.reserved_concurrency
    if reserved is not None and reserved > total - UNRESERVED:
        yield Finding(
            "bad",
            f"concurrency: {total} in all; {reserved} are wanted, {UNRESERVED} must be left over",
            f"{ask}, or lower function.reserved_concurrency",
        )
    elif total < COMFORTABLE_CONCURRENCY:
        yield Finding("note", f"concurrency: {total} in all, as in a new account", ask)
    else:
        yield Finding("ok", f"concurrency: {total}")
    memory = stage.function.memory_megabytes
    if memory > NEW_ACCOUNT_MEMORY:
        yield Finding(
            "note",
            f"memory: {memory:,} MB; new accounts may have {NEW_ACCOUNT_MEMORY:,}",
            "nothing tells beforehand; where it is refused, ask AWS's support for more",
        )


def gpu_quota(account: Account, stage: StageConfiguration) -> Findings:
    """vCPUs of instances with a GPU, of which new accounts have none."""
    service = stage.service
    if service is None or service.capacity != "gpu":
        return
    families: dict[str, int] = {}
    for kind in service.instance_types:
        families[kind[0]] = max(vcpus(kind), families.get(kind[0], 0))
    for family, one in sorted(families.items()):
        yield _room(account, GPU_QUOTAS[family, service.spot], family.upper(), one, service)


def _room(
    account: Account, code: str, family: str, one: int, service: ServiceConfiguration
) -> Finding:
    """Whether a quota has room for all tasks, and for as many again while a new image comes in."""
    client = account.session.client("service-quotas", config=CONFIG)
    with said_plainly("Service Quotas"):
        quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"]
    tasks = service.maximum_tasks
    what = f"GPU instances of family {family}: {quota:g} vCPUs, {one} an instance"
    ask = f"ask for more under Service Quotas, EC2, {code}; it may take days"
    if quota < one * tasks:
        return Finding("bad", f"{what}, wanted {one * tasks} for {tasks} tasks", ask)
    if quota < 2 * one * tasks:
        short = f"{what}: a new image waits while more than {quota // (2 * one):g} tasks run"
        return Finding("note", short, f"where that is too few, {ask}")
    return Finding("ok", f"{what}, {2 * one * tasks} are wanted at most")


def github_provider(account: Account, project: ProjectConfiguration) -> Findings:
    """Whether the account trusts GitHub, and whose doing that is."""
    if foundation.github_oidc(account, project) == "existing":
        yield Finding("ok", "GitHub's OIDC provider is there already, and will be used as it is")
    elif foundation.provider_exists(account):
        yield Finding("ok", "GitHub's OIDC provider is there, made by the foundation")
    else:
        yield Finding("ok", "GitHub's OIDC provider is not there yet; the foundation makes it")


def trusted_subjects(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration
) -> Findings:
    """Whether the stage's deploy role takes both forms in which GitHub names its jobs."""
    name = f"{project.name}-{stage.name}-deploy"
    client = account.session.client("iam", config=CONFIG)
    with said_plainly("IAM"):
        try:
            document: Any = client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except client.exceptions.NoSuchEntityException:
            yield Finding("note", f"{name}: not made yet", "make deploy makes it")
            return
    text = document if isinstance(document, str) else json.dumps(document)
    missing = [
        subject
        for environment in stage.environments
        for subject in project.repository.subjects(f"environment:{environment}")
        if f'"{subject}"' not in unquote(text)
    ]
    if missing:
        yield Finding(
            "bad", f"{name} does not take {', '.join(missing)}", "deploy the foundation again"
        )
    else:
        yield Finding("ok", f"{name} takes jobs by both forms of their subject")


def release(account: Account, project: ProjectConfiguration, stage: StageConfiguration) -> Findings:
    """The digest behind `live`, the last release, and where that stage moves it, `production`."""
    if account.stack(project.stack(stage.name, "function")) is None:
        yield Finding("note", f"{stage.name}: not deployed yet", f"make deploy STAGE={stage.name}")
        return
    digest = live_digest(account, f"{project.name}-{stage.name}")
    registry = stage_registry(account, project)
    releases = list_releases(registry.store, stage.name)
    if not releases or releases[-1].image != digest:
        last = releases[-1].image if releases else "none"
        yield Finding(
            "bad",
            f"{stage.name}: {digest} is live, the last release is {last}",
            f"a deployment did not come to its end: make deploy STAGE={stage.name}",
        )
        return
    yield Finding("ok", f"{stage.name}: {releases[-1].name} is live")
    for model, version in releases[-1].models.items() if stage.moves_production else ():
        alias = registry.alias(model, PRODUCTION)
        now = alias.version if alias else "nothing"
        if now != version:
            yield Finding(
                "bad",
                f"{model}: {version} is live, production is {now}",
                f"make deploy STAGE={stage.name}, which ships production and then agrees",
            )
