"""Say whether the workflow at hand may deploy a stage, and how its jobs get there.

Where it may not, as in a fork that nobody configured, it says why and ends well: nothing is
deployed. Needs nothing that has to be installed.
"""

import argparse
import os
from pathlib import Path

from scripts.common.command_line import add_to_summary, run, write_outputs
from scripts.deployment.stages import load_stage
from scripts.workflow.planning import obstacle, outputs

ADVICE = "docs/deploying.md tells under 'GitHub' how to change that."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.plan", description=__doc__)
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
