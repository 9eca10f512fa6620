"""What a deployment needs in the account: bootstrap, quotas, and that GitHub is trusted."""

import json
from typing import Any
from urllib.parse import unquote

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deployment import foundation
from scripts.deployment.account import CONFIG, LOWEST_BOOTSTRAP, Account, said_plainly
from scripts.examination.finding import Finding, Findings

# Below this a burst of callers is throttled; new accounts may have 10.
COMFORTABLE_CONCURRENCY = 100
# What Lambda wants to stay unreserved.
UNRESERVED = 100
NEW_ACCOUNT_MEMORY = 3008  # MB
GPU_QUOTA = "L-DB2E81BA"  # Running On-Demand G and VT instances, in vCPUs
GPU_SPOT_QUOTA = "L-3819A6DF"  # All G and VT Spot Instance Requests
VCPUS_OF_ONE = 4  # of an xlarge


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
    code = GPU_SPOT_QUOTA if service.spot else GPU_QUOTA
    client = account.session.client("service-quotas", config=CONFIG)
    with said_plainly("Service Quotas"):
        quota = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"]
    wanted = VCPUS_OF_ONE * service.maximum_tasks
    if quota < wanted:
        yield Finding(
            "bad",
            f"GPU instances: {quota:g} vCPUs, wanted {wanted} for {service.maximum_tasks} tasks",
            f"ask for them under Service Quotas, EC2, {code}; it may take days",
        )
    else:
        yield Finding("ok", f"GPU instances: {quota:g} vCPUs, {wanted} are wanted at most")


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
