"""Taking away what was deployed."""

from scripts.common.errors import UsageError
from scripts.common.progress import say
from scripts.deploy import foundation, stacks
from scripts.deploy.account import CONFIG, Account, enter, said_plainly
from scripts.deploy.api_key import forget_key
from scripts.deploy.stacks import load_stage, load_stages

# Of the parts that have one, the output that names it.
BUCKETS = {"bulk": "BulkBucket", "predictions": "PredictionBucket"}


def confirm(stage: str) -> None:
    """Have the name typed again. Raises UsageError where it is not."""
    try:
        typed = input(f"This removes {stage}. Type its name to go on: ")
    except EOFError:  # nobody is there to be asked
        typed = ""
    if typed.strip() != stage:
        raise UsageError("nothing was removed; type the stage's name, or say --yes")


def remove_stage(name: str) -> None:
    """The stacks of a stage and its key. Raises CommandError, UsageError."""
    project, stage = load_stage(name)
    account = enter(stage)
    standing = stacks.names(project, stage)
    for part, output in BUCKETS.items():
        stack = project.stack(stage.name, part)
        if stack in standing and not stage.retain_data and account.stack(stack):
            empty(account, account.output(stack, output))
    stacks.destroy(standing, {"stage": stage.name})
    forget_key(account, project, stage)
    kept = "its log groups and results were kept" if stage.retain_data else "nothing was kept"
    say(f"{stage.name} is gone; {kept}. Models and images are the foundation's.")


def remove_foundation(_: str) -> None:
    """What all stages of an account share. Raises UsageError while one is still there."""
    project, stages = load_stages()
    account = enter(stages[0])
    standing = [
        stack for stage in stages for stack in stacks.names(project, stage) if account.stack(stack)
    ]
    if standing:
        raise UsageError(f"{', '.join(standing)} still stand on it: destroy those first")
    stack = foundation.stack_name(project)
    if account.stack(stack) is None:
        raise UsageError(f"{stack} is not here")
    unprotect(account, stack)
    context = {
        "stage": stages[0].name,
        "github_oidc": foundation.github_oidc(account, project),
    }
    bucket = foundation.bucket(account, project)
    if not project.retain_data:
        empty(account, bucket)
    stacks.destroy([stack], context)
    if project.retain_data:
        say(
            f"{stack} is gone; kept were the bucket {bucket} and the repositories "
            f"{project.function_repository} and {project.server_repository}. Their names stay "
            "taken: before a new foundation, delete them or 'cdk import' them."
        )


def unprotect(account: Account, stack: str) -> None:
    """Let a stack be removed that was protected from it."""
    client = account.session.client("cloudformation", config=CONFIG)
    with said_plainly("CloudFormation"):
        client.update_termination_protection(EnableTerminationProtection=False, StackName=stack)


def empty(account: Account, bucket: str) -> None:
    """Every version of every object: a bucket goes only when nothing is in it."""
    with said_plainly("S3"):
        account.session.resource("s3", config=CONFIG).Bucket(bucket).object_versions.delete()
