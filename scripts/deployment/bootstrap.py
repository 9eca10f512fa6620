"""What the CDK itself needs in an account: its own bucket and roles, once per region."""

from scripts.common.errors import UsageError
from scripts.deployment.account import LOWEST_BOOTSTRAP, Account
from scripts.deployment.cdk import run_cdk
from scripts.deployment.progress import say


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
