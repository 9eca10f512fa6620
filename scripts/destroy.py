"""Delete a stage, or with `--stage foundation` what all stages share.

With `retain_data` a stage's logs and results stay, and the foundation's models and images.
Everything else is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from scripts.common.command_line import needing, run, stage_parser
from scripts.common.errors import CommandError, UsageError
from scripts.common.progress import log

with needing("make synth"):
    from infra.configuration.project import ProjectConfiguration
    from infra.configuration.sandbox import NIGHTLY
    from infra.configuration.stage import StageConfiguration
    from scripts.deploy import foundation, stacks
    from scripts.deploy.account import BOOTSTRAP_VERSION, CONFIG, Account, aws_errors, open_account
    from scripts.deploy.api_key import delete_key
    from scripts.deploy.stacks import load_sandbox, load_stage, load_stages

# The output that names the bucket of a stack, by the stack's part of the stage.
BUCKETS = {"bulk": "BulkBucket", "predictions": "PredictionBucket"}


def main() -> None:
    parser = stage_parser(
        "scripts.destroy", __doc__, stages="one of infra/stages.py, or foundation"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    arguments = parser.parse_args()
    if not arguments.yes:
        _confirm(arguments.stage)
    if arguments.stage == "foundation":
        delete_foundation()
    else:
        delete_stage(arguments.stage)


def _confirm(stage: str) -> None:
    """Raise UsageError unless the name is typed again."""
    try:
        typed = input(f"This removes {stage}. Type its name to go on: ")
    except EOFError:  # there is no terminal
        typed = ""
    if typed.strip() != stage:
        raise UsageError("nothing was removed; type the stage's name, or say --yes")


def delete_stage(name: str) -> None:
    """Delete the stacks of a stage and its key. Raises CommandError, UsageError."""
    deployment = load_stage(name)
    stage = deployment.stage
    account = open_account(stage)
    names = stacks.names(deployment)
    with_buckets = {deployment.stack(part): output for part, output in BUCKETS.items()}
    buckets = [
        account.output(stack, output)
        for stack, output in with_buckets.items()
        if stack in names and not stage.retain_data and account.stack(stack)
    ]
    every = [deployment.stack(part) for part in stacks.PARTS]
    left = [each for each in every if each not in names and account.stack(each)]
    _destroy(account, names, {"stage": stage.name}, buckets)
    delete_key(account, deployment)
    kept = "its log groups and results were kept" if stage.retain_data else "nothing was kept"
    if left:  # the CDK does not know them, and nothing says whether their data may go
        role = execution_role(account)  # else CloudFormation takes that of the last change
        kept = f"kept was what infra/stages.py no longer has, {', '.join(left)}: " + "; ".join(
            f"aws cloudformation delete-stack --stack-name {each} --role-arn {role}"
            for each in left
        )
    log(f"{stage.name} is gone; {kept}. Models and images are the foundation's.")


def delete_foundation() -> None:
    """Delete what all stages share in the account of the credentials, in each of its regions.

    Raises UsageError if a stage is still deployed, or there is no foundation.
    """
    project, stages = load_stages()
    number = open_account(replace(stages[0], account="")).number
    sandbox = load_sandbox()
    if sandbox and sandbox.account == number:
        project, stages = sandbox.project(project, NIGHTLY[0]), sandbox.nightly()
    here = [stage for stage in stages if stage.account in ("", number)]
    found = False
    for region in dict.fromkeys(stage.region for stage in here):
        there = [stage for stage in here if stage.region == region]
        account = open_account(there[0])
        if account.stack(foundation.stack_name(project)):
            found = True
            _delete_foundation(account, project, there)
    if not found:
        raise UsageError(f"{foundation.stack_name(project)} is not in account {number}")


def _delete_foundation(
    account: Account, project: ProjectConfiguration, stages: Sequence[StageConfiguration]
) -> None:
    every = [project.stack(stage.name, part) for stage in stages for part in stacks.PARTS]
    if deployed := [stack for stack in every if account.stack(stack)]:
        raise UsageError(f"{', '.join(deployed)} still stand on it: destroy those first")
    stack = foundation.stack_name(project)
    if project.retain_data:  # else infra/app.py does not protect it
        allow_deletion(account, stack)
    context = {"stage": stages[0].name, "github_oidc": foundation.github_oidc(account, project)}
    bucket = foundation.bucket_name(account, project)
    _destroy(account, [stack], context, [] if project.retain_data else [bucket])
    if project.retain_data:
        log(
            f"{stack} is gone; kept were the bucket {bucket} and the repositories "
            f"{project.function_repository} and {project.server_repository}. Their names stay "
            "taken: before a new foundation, delete them or 'cdk import' them."
        )


def _destroy(
    account: Account, names: Sequence[str], context: Mapping[str, str], buckets: Sequence[str]
) -> None:
    """Delete stacks with what is in their buckets. Raises CommandError."""
    for bucket in buckets:
        empty_bucket(account, bucket)
    try:
        stacks.destroy(names, context)
    except CommandError:
        # Firehose writes what it has buffered minutes later; by now nothing writes any more.
        filled = [bucket for bucket in buckets if empty_bucket(account, bucket)]
        if not filled:
            raise
        log(f"{', '.join(filled)} had files again: emptied, and once more")
        stacks.destroy(names, context)


def execution_role(account: Account) -> str:
    """Return the ARN of the role by which CloudFormation deploys, which `cdk bootstrap` made."""
    qualifier = BOOTSTRAP_VERSION.split("/")[2]
    name = f"cdk-{qualifier}-cfn-exec-role-{account.number}-{account.region}"
    return f"arn:aws:iam::{account.number}:role/{name}"


def allow_deletion(account: Account, stack: str) -> None:
    """Turn off a stack's termination protection."""
    client = account.session.client("cloudformation", config=CONFIG)
    with aws_errors("CloudFormation"):
        client.update_termination_protection(EnableTerminationProtection=False, StackName=stack)


def empty_bucket(account: Account, bucket: str) -> bool:
    """Delete every version of every object: AWS deletes only an empty bucket.

    Returns whether there was any; none is in a bucket that is gone.
    """
    s3 = account.session.resource("s3", config=CONFIG)
    with aws_errors("S3"), suppress(s3.meta.client.exceptions.NoSuchBucket):
        return bool(s3.Bucket(bucket).object_versions.delete())
    return False


if __name__ == "__main__":
    run(main)
