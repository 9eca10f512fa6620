"""Check whether a stage can be deployed, and whether its deployment is consistent.

Each line is ok, or names what is wrong and how to fix it. Nothing is changed. The checks of GitHub
need a token where the repository is private: GITHUB_TOKEN=$(gh auth token).
"""

import sys
from collections.abc import Sequence

from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import UsageError
from scripts.deploy.stacks import load_stage, load_stages
from scripts.doctor.check import CheckResults, bad, note, ok, run_check

with needing("make doctor"):
    from scripts.deploy.account import open_account
    from scripts.doctor import account, github, machine
    from scripts.doctor.deployment import check_account


def main() -> None:
    parser = command_parser("scripts.doctor", __doc__)
    parser.add_argument("--stage", help="one of infra/stages.py; all of them by default")
    arguments = parser.parse_args()
    project, stages = load_stages()
    chosen = (load_stage(arguments.stage)[1],) if arguments.stage else stages
    found_bad = False
    for result in check_all(project, chosen, stages):
        print(result, flush=True)
        found_bad |= result.state == "bad"
    if found_bad:
        sys.exit(1)


def check_all(
    project: ProjectConfiguration,
    stages: Sequence[StageConfiguration],
    neighbours: Sequence[StageConfiguration] = (),
) -> CheckResults:
    """Check this machine, GitHub, and each stage's account, which `neighbours` may share."""
    yield from machine.tools()
    yield from shared_account(neighbours or stages)
    yield from run_check("repository", github.repository, project.repository)
    yield from run_check("schedule", github.schedule, project.repository)
    for stage in stages:
        yield from machine.architecture(stage)
        yield from run_check("environments", github.environments, project.repository, stage)
        yield from _check_account(Deployment(project, stage))


def shared_account(stages: Sequence[StageConfiguration]) -> CheckResults:
    """Report stages that can reach production through the account that they share with it."""
    for production in stages:
        others = [each.name for each in stages if each.account == production.account]
        others.remove(production.name)
        if production.moves_production and others:
            yield note(
                f"{production.name} shares its account with {', '.join(others)}: who deploys those "
                "can change everything in it, and read its keys and prediction log",
                "give it an account of its own, as account=... in infra/stages.py",
            )


def _check_account(deployment: Deployment) -> CheckResults:
    project, stage = deployment
    try:
        opened = open_account(stage)
    except UsageError as error:
        message = " ".join(str(error).split())
        yield bad(f"{stage.name}: {message}", "aws sso login, or AWS_PROFILE=...")
        return
    yield ok(f"{stage.name}: account {opened.number}, region {opened.region}")
    yield from check_account(opened, deployment)
    yield from run_check("OIDC provider", account.github_provider, opened, project)
    yield from run_check("deploy role", account.trusted_subjects, opened, deployment)
    yield from run_check("what is live", account.check_release, opened, deployment)


if __name__ == "__main__":
    run(main)
