"""Look whether a stage can be deployed, and whether what is deployed agrees with itself.

Each line says ok, or what is wrong and how to mend it. Nothing is changed. What GitHub is asked
takes a token where the repository is private: GITHUB_TOKEN=$(gh auth token).
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.command_line import run
from scripts.common.errors import UsageError
from scripts.deploy.account import enter
from scripts.deploy.stacks import load_stage, load_stages
from scripts.doctor import account, github, machine
from scripts.doctor.check import Finding, Findings, look


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", help="one of infra/stages.py; all of them by default")
    arguments = parser.parse_args()
    project, stages = load_stages()
    if arguments.stage:
        stages = (load_stage(arguments.stage)[1],)
    bad = False
    for finding in examine(project, stages):
        print(finding, flush=True)
        bad |= finding.state == "bad"
    if bad:
        sys.exit(1)


def examine(project: ProjectConfiguration, stages: Sequence[StageConfiguration]) -> Findings:
    """Everything, of this machine, of GitHub, and of each stage's account."""
    yield from machine.tools()
    yield from look(partial(github.repository, project.repository), "repository")
    yield from look(partial(github.clock, project.repository), "schedule")
    for stage in stages:
        yield from machine.architecture(stage)
        yield from look(partial(github.environments, project.repository, stage), "environments")
        yield from _examine_account(project, stage)


def _examine_account(project: ProjectConfiguration, stage: StageConfiguration) -> Findings:
    try:
        entered = enter(stage)
    except UsageError as error:
        said = " ".join(str(error).split())
        yield Finding("bad", f"{stage.name}: {said}", "aws sso login, or AWS_PROFILE=...")
        return
    yield Finding("ok", f"{stage.name}: account {entered.number}, region {entered.region}")
    yield from look(partial(account.bootstrap, entered), "bootstrap")
    yield from look(partial(account.lambda_quotas, entered, stage), "quotas of Lambda")
    yield from look(partial(account.gpu_quota, entered, stage), "quota of GPUs")
    yield from look(partial(account.github_provider, entered, project), "OIDC provider")
    yield from look(partial(account.trusted_subjects, entered, project, stage), "deploy role")
    yield from look(partial(account.release, entered, project, stage), "what is live")


if __name__ == "__main__":
    run(main)
