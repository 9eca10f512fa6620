"""Decide whether this workflow deploys to the sandbox, and print what its jobs need for that.

Where it does not, as in a fork, for a fork's pull request, or until infra/stages.py names a
sandbox, prints the reason and ends with 0. Needs only the standard library.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime

from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import NIGHTLY, SANDBOX, SandboxConfiguration, is_preview
from scripts.common.command_line import add_to_summary, run, stage_parser, write_outputs
from scripts.common.errors import UsageError
from scripts.deploy.stacks import load_sandbox, load_stages
from scripts.workflow.plan import RUNNERS, other_repository

SUNDAY = 6
BOT = "dependabot[bot]"


def main() -> None:
    parser = stage_parser(
        "scripts.workflow.plan_sandbox",
        __doc__,
        stages="pr-N, nightly, or sandbox for the sweep",
        outputs="the result",
    )
    parser.add_argument(
        "--head", default="", metavar="OWNER/NAME", help="where a pull request's commits are"
    )
    parser.add_argument("--everything", action="store_true", help="nightly: as on Sundays")
    arguments = parser.parse_args()
    if not (is_preview(arguments.stage) or arguments.stage in (SANDBOX, NIGHTLY[0])):
        raise UsageError(f"{arguments.stage}: give pr-N, {NIGHTLY[0]} or {SANDBOX}")
    project, _ = load_stages()
    sandbox = load_sandbox()
    why = obstacle(project, sandbox, arguments.stage, arguments.head, os.environ)
    found = {"configured": str(not why).lower(), "why": why}
    if sandbox and not why:
        everything = arguments.everything or datetime.now(UTC).weekday() == SUNDAY
        gpu = os.environ.get("SANDBOX_GPU") == "true"
        found |= outputs(project, sandbox, everything=everything, gpu=gpu)
        print(f"{arguments.stage}: account {sandbox.account}, {sandbox.region}")
    else:
        notice = f"Nothing is deployed to the sandbox: {why}."
        add_to_summary(notice)
        print(f"::notice::{notice}")
    write_outputs(arguments.outputs, found)


def obstacle(
    project: ProjectConfiguration,
    sandbox: SandboxConfiguration | None,
    stage: str,
    head: str,
    job: Mapping[str, str],
) -> str:
    """Return why this job deploys nothing to the sandbox; empty where it does.

    `head` is the repository of a pull request's commits. `job` has the environment variables that
    GitHub sets in every job. AWS's roles refuse other jobs in any case.
    """
    if why := other_repository(project, job):
        return why
    if sandbox is None:
        return "infra/stages.py names no sandbox; docs/sandbox.md says how to make one"
    if is_preview(stage):
        if head != job.get("GITHUB_REPOSITORY"):
            return f"this pull request is of {head or 'a repository that is gone'}, a fork"
        if job.get("GITHUB_ACTOR") == BOT:
            return "Dependabot's pull requests get no credentials"
    elif job.get("GITHUB_REF") != f"refs/heads/{project.repository.branch}":
        return f"only {project.repository.branch} does, and this is {job.get('GITHUB_REF')}"
    return ""


def outputs(
    project: ProjectConfiguration, sandbox: SandboxConfiguration, *, everything: bool, gpu: bool
) -> dict[str, str]:
    """Return what jobs need: region, roles, a preview's runner, and the nightly stages.

    `everything` is bulk scoring and the service, on a GPU too where `gpu` says that there is one.
    """
    plain, full, on_gpu = sandbox.nightly()
    chosen = ([full] + [on_gpu] * gpu) if everything else [plain]
    stages = [
        {
            "stage": each.name,
            "runner": RUNNERS[each.function.platform],
            "gpu": bool(each.service and each.service.variant == "gpu"),
        }
        for each in chosen
    ]
    role = f"arn:aws:iam::{sandbox.account}:role/{project.name}"
    return {
        "region": sandbox.region,
        "runner": RUNNERS[sandbox.preview("pr-1").function.platform],
        "preview_role": f"{role}-preview-jobs",
        "nightly_role": f"{role}-{SANDBOX}-nightly",
        "stages": json.dumps(stages),
    }


if __name__ == "__main__":
    run(main)
