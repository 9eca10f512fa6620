"""Decide whether this workflow deploys a stage, and print what its jobs need for that.

Decides by the stage's configuration alone. Where the workflow does not deploy, as in a fork that is
not configured, prints the reason and ends with 0. Needs only the standard library.
"""

import os
from collections.abc import Mapping, Sequence

from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration, region_suffix
from scripts.common.command_line import add_to_summary, run, stage_parser, write_outputs
from scripts.deploy.stacks import load_stage, load_stages

# Images are built and tested on the architecture that they run on.
RUNNERS = {"linux/arm64": "ubuntu-24.04-arm", "linux/amd64": "ubuntu-24.04"}
ADVICE = "docs/deploying.md says under 'GitHub' how to change that."


def main() -> None:
    parser = stage_parser("scripts.workflow.plan", __doc__, outputs="the result")
    arguments = parser.parse_args()
    deployment = load_stage(arguments.stage)
    stage = deployment.stage
    _, stages = load_stages()
    why = obstacle(deployment, os.environ)
    found = {"configured": str(not why).lower(), "why": why}
    write_outputs(arguments.outputs, found | ({} if why else outputs(deployment, stages)))
    if why:
        notice = f"Nothing is deployed to {stage.name}: {why}. {ADVICE}"
        add_to_summary(notice)
        print(notice)
    else:
        print(f"{stage.name}: account {stage.account}, {stage.region}, {stage.function.platform}")


def obstacle(deployment: Deployment, job: Mapping[str, str]) -> str:
    """Return why this job does not deploy a stage; empty where it does.

    AWS's roles refuse other jobs in any case. This check comes first so that the workflows of a
    fork end green, and those of a template say what is missing. `job` has the environment variables
    that GitHub sets in every job.
    """
    project, stage = deployment
    if why := other_repository(project, job):
        return why
    repository = project.repository
    if job.get("GITHUB_REF") != f"refs/heads/{repository.branch}":
        return f"only {repository.branch} deploys, and this is {job.get('GITHUB_REF')}"
    if not stage.environments:
        return f"infra/stages.py lets no environment on GitHub deploy stage {stage.name}"
    if not stage.account:
        return f"infra/stages.py gives stage {stage.name} no account"
    return ""


def other_repository(project: ProjectConfiguration, job: Mapping[str, str]) -> str:
    """Return why this is not the repository that infra/stages.py names; empty where it is."""
    repository = project.repository
    if not repository.filled_in:
        return "infra/stages.py names no repository yet"
    ours = (
        f"{repository.owner}/{repository.name}",
        str(repository.repository_id),
        str(repository.owner_id),
    )
    names = ("GITHUB_REPOSITORY", "GITHUB_REPOSITORY_ID", "GITHUB_REPOSITORY_OWNER_ID")
    theirs = tuple(job.get(name, "") for name in names)
    if theirs != ours:
        return f"infra/stages.py is of {' '.join(ours)}, and this is {' '.join(theirs).strip()}"
    return ""


def outputs(deployment: Deployment, stages: Sequence[StageConfiguration]) -> dict[str, str]:
    """Return what jobs need: account, runners, roles, registry, repositories, metric dimension.

    The server's runner and variant are empty where the stage has no service. `stages` are all of
    the project, which decide about names that an account has once.
    """
    project, stage = deployment
    account, region = stage.account, stage.region
    images = f"{account}.dkr.ecr.{region}.amazonaws.com"
    suffix = region_suffix(stages, stage)
    names = {
        "push": project.image_role("push", suffix),
        "refresh": project.image_role("refresh", suffix),
        "deploy": deployment.role("deploy"),
        "refresh_deploy": deployment.role("refresh"),  # changes images, nothing else
    }
    rollback = f"{stage.name}-rollback"
    return {
        "account": account,
        "region": region,
        "function_runner": RUNNERS[stage.function.platform],
        "server_runner": RUNNERS[stage.service.platform] if stage.service else "",
        "server_variant": stage.service.variant if stage.service else "",
        "rollback_environment": rollback if rollback in stage.environments else stage.name,
        "service": deployment.name,
        "registry": f"s3://{project.name}-models-{account}-{region}",
        "function_repository": f"{images}/{project.function_repository}",
        "server_repository": f"{images}/{project.server_repository}",
        **{f"{role}_role": f"arn:aws:iam::{account}:role/{name}" for role, name in names.items()},
    }


if __name__ == "__main__":
    run(main)
