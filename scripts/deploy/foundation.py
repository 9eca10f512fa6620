"""The resources that stages of an account share, and those that the CDK itself needs.

The foundation is a stack with the registry's bucket, ECR's repositories and GitHub's roles. The CDK
needs its bootstrap, a bucket and roles, once per region.
"""

import re
from typing import Literal

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import CommandError, UsageError
from scripts.common.progress import log
from scripts.deploy.account import CONFIG, LOWEST_BOOTSTRAP, Account, aws_errors
from scripts.deploy.cdk import run_cdk

ISSUER = "token.actions.githubusercontent.com"
PROVIDER = "AWS::IAM::OIDCProvider"
TAKEN = re.compile("has been taken in this account|EntityAlreadyExists")


def github_oidc(
    account: Account, project: ProjectConfiguration, stack: str = ""
) -> Literal["create", "existing"]:
    """Return whether a stack, the foundation's by default, creates GitHub's OIDC provider.

    An account can have only one. The stack that created it must keep it, or it is deleted.
    """
    client = account.session.client("cloudformation", config=CONFIG)
    stack = stack or stack_name(project)
    if account.stack(stack):
        with aws_errors("CloudFormation"):
            resources = client.describe_stack_resources(StackName=stack)["StackResources"]
        if any(each["ResourceType"] == PROVIDER for each in resources):
            return "create"
    return "existing" if provider_exists(account) else "create"


def provider_exists(account: Account) -> bool:
    """Return whether the account has an OIDC provider for GitHub."""
    client = account.session.client("iam", config=CONFIG)
    with aws_errors("IAM"):
        providers = client.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return any(each.get("Arn", "").endswith(f"/{ISSUER}") for each in providers)


def stack_name(project: ProjectConfiguration) -> str:
    """Return the name of the foundation's stack."""
    return f"{project.name}-foundation"


def bucket_name(account: Account, project: ProjectConfiguration) -> str:
    """Return the name of the registry's bucket."""
    return f"{project.name}-models-{account.number}-{account.region}"


def ensure_bootstrap(account: Account, *, sure: bool) -> None:
    """Run `cdk bootstrap` where it never ran, or a version too old.

    Asks first unless `sure`, and raises UsageError if the answer was no.
    """
    if account.bootstrap_version() >= LOWEST_BOOTSTRAP:
        return
    target = f"aws://{account.number}/{account.region}"
    log(f"{target} is not prepared for the CDK, which needs a bucket, five roles and a parameter.")
    if not (sure or _confirm(f"Run 'cdk bootstrap {target}' now? [y/N] ")):
        raise UsageError(f"run 'cdk bootstrap {target}' first, or say --yes")
    run_cdk(["bootstrap", target])


def service_linked_roles(stage: StageConfiguration) -> dict[str, str]:
    """Return the roles of AWS's services that a stage's ECS service needs, by service to name."""
    service = stage.service
    if service is None:
        return {}
    roles = {
        "ecs.amazonaws.com": "AWSServiceRoleForECS",
        "ecs.application-autoscaling.amazonaws.com": (
            "AWSServiceRoleForApplicationAutoScaling_ECSService"
        ),
        "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
        "ops.apigateway.amazonaws.com": "AWSServiceRoleForAPIGateway",
    }
    if service.capacity == "gpu":
        roles["ecs-compute.amazonaws.com"] = "AWSServiceRoleForECSCompute"
        if service.spot:
            roles["spot.amazonaws.com"] = "AWSServiceRoleForEC2Spot"
    return roles


def ensure_service_linked_roles(account: Account, stage: StageConfiguration) -> None:
    """Create the roles of `service_linked_roles` that the account lacks.

    AWS creates one with the first service, and uses it before it is known everywhere: the first
    deployment then fails. Where IAM denies it, as to a job on GitHub, it is left to AWS.
    """
    client = account.session.client("iam", config=CONFIG)
    for service in service_linked_roles(stage):
        try:
            with aws_errors("IAM"):
                client.create_service_linked_role(AWSServiceName=service)
            log(f"{service}: its role is new in this account")
        except CommandError as error:
            if not TAKEN.search(str(error)):
                log(f"{service}: {error}")


def _confirm(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # there is no terminal
        return False
