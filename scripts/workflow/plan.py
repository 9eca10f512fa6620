"""Say whether the workflow at hand may deploy a stage, and how its jobs get there.

Where it may not, as in a fork that nobody configured, it says why and ends well: nothing is
deployed. Needs nothing that has to be installed.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.command_line import add_to_summary, run, write_outputs
from scripts.deploy.stacks import load_stage

# Images are built, and asked, on the processor that they will run on.
RUNNERS = {"arm64": "ubuntu-24.04-arm", "x86_64": "ubuntu-24.04"}
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def obstacle(
    project: ProjectConfiguration, stage: StageConfiguration, job: Mapping[str, str]
) -> str:
    """Why the job at hand does not deploy a stage; empty where it does.

    job: the variables that GitHub gives every job. That a role would let nobody else in is not
    enough: a fork's workflows are to end green, and a template's are to say what is missing.
    """
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
    if job.get("GITHUB_REF") != f"refs/heads/{repository.branch}":
        return f"only {repository.branch} deploys, and this is {job.get('GITHUB_REF')}"
    if not stage.account:
        return f"infra/stages.py gives stage {stage.name} no account"
    return ""


def outputs(project: ProjectConfiguration, stage: StageConfiguration) -> dict[str, str]:
    """What jobs need to know: account, region, roles, where images and models lie, which machine
    builds, and what the stage's metrics are kept by."""
    account, region = stage.account, stage.region
    images = f"{account}.dkr.ecr.{region}.amazonaws.com{'.cn' * region.startswith('cn-')}"
    names = {"push": "push", "refresh": "refresh", "deploy": f"{stage.name}-deploy"}
    partition = next((PARTITIONS[each] for each in PARTITIONS if region.startswith(each)), "aws")
    return {
        "account": account,
        "region": region,
        "platform": stage.function.platform,
        "runner": RUNNERS[stage.function.architecture],
        "service": project.service(stage.name),
        "registry": f"s3://{project.name}-models-{account}-{region}",
        "function_repository": f"{images}/{project.function_repository}",
        "server_repository": f"{images}/{project.server_repository}",
        **{
            f"{role}_role": f"arn:{partition}:iam::{account}:role/{project.name}-{name}"
            for role, name in names.items()
        },
    }


ADVICE = "docs/deploying.md tells under 'GitHub' how to change that."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.workflow.plan", description=__doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument(
        "--outputs", type=Path, metavar="FILE", help="add what it found, as GitHub reads outputs"
    )
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    why = obstacle(project, stage, os.environ)
    found = {"configured": str(not why).lower(), "why": why}
    write_outputs(arguments.outputs, found | ({} if why else outputs(project, stage)))
    if why:
        said = f"Nothing is deployed to {stage.name}: {why}. {ADVICE}"
        add_to_summary(said)
        print(said)
    else:
        print(f"{stage.name}: account {stage.account}, {stage.region}, {stage.function.platform}")


if __name__ == "__main__":
    run(main)
