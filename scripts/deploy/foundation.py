"""The account's foundation: its names, whether GitHub is trusted already, and who made that so."""

from typing import Literal

from infra.configuration.project import ProjectConfiguration
from scripts.common.errors import UsageError
from scripts.common.progress import say
from scripts.deploy.account import CONFIG, LOWEST_BOOTSTRAP, Account, said_plainly
from scripts.deploy.cdk import run_cdk

ISSUER = "token.actions.githubusercontent.com"
PROVIDER = "AWS::IAM::OIDCProvider"


def github_oidc(account: Account, project: ProjectConfiguration) -> Literal["create", "existing"]:
    """Whether the foundation's stack is to make the account's provider for GitHub.

    An account can have but one. One that this stack made must stay in it, or it would go.
    """
    client = account.session.client("cloudformation", config=CONFIG)
    stack = stack_name(project)
    if account.stack(stack):
        with said_plainly("CloudFormation"):
            resources = client.describe_stack_resources(StackName=stack)["StackResources"]
        if any(each["ResourceType"] == PROVIDER for each in resources):
            return "create"
    return "existing" if provider_exists(account) else "create"


def provider_exists(account: Account) -> bool:
    """Whether the account trusts GitHub."""
    client = account.session.client("iam", config=CONFIG)
    with said_plainly("IAM"):
        providers = client.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    return any(each.get("Arn", "").endswith(f"/{ISSUER}") for each in providers)


def stack_name(project: ProjectConfiguration) -> str:
    """Of the foundation."""
    return f"{project.name}-foundation"


def bucket(account: Account, project: ProjectConfiguration) -> str:
    """The name of the bucket that the registry lies in."""
    return f"{project.name}-models-{account.number}-{account.region}"


def ensure_bootstrap(account: Account, *, sure: bool) -> None:
    """Run `cdk bootstrap` where it never ran, or ran long ago. sure: without asking first.

    Raises UsageError where whoever is asked does not want it.
    """
    if account.bootstrap_version() >= LOWEST_BOOTSTRAP:
        return
    target = f"aws://{account.number}/{account.region}"
    say(f"{target} is not prepared for the CDK, which needs a bucket, five roles and a parameter.")
    if not (sure or _agreed(f"Run 'cdk bootstrap {target}' now? [y/N] ")):
        raise UsageError(f"run 'cdk bootstrap {target}' first, or say --yes")
    run_cdk(["bootstrap", target])


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # nobody is there to be asked
        return False
