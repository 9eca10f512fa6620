"""Bring an earlier release of a stage back: its images live, all at once, without asking alarms,
and `production` on its models, where the stage moves that.

Without --release it is the one before what is live, so each run goes one further back; after a
failure half-way the next run completes it. What was taken back comes again only when somebody says
so: its models by `scripts.refresh --retry` or `scripts.promote`, its code by --again of
`scripts.build`, or both by --release here.
"""

import argparse
from pathlib import Path

from scripts.common.command_line import run, table, write_outputs
from scripts.common.progress import say
from scripts.deploy import history
from scripts.deploy.account import enter
from scripts.deploy.builds import stage_registry
from scripts.deploy.live import live_digest
from scripts.deploy.stacks import load_stage
from scripts.registry.releases import list_releases, release_history


def main() -> None:
    arguments = _arguments()
    project, stage = load_stage(arguments.stage)
    account = enter(stage)
    registry = stage_registry(account, project)
    releases = list_releases(registry.store, stage.name)
    live = live_digest(account, f"{project.name}-{stage.name}")
    if arguments.list:
        print(table(("release", "commit", "models", ""), list(history.rows(releases, live))))
        return
    target = history.find(releases, arguments.release) if arguments.release else None
    target = target or history.one_before(release_history(releases), live)
    say(f"{stage.name}: back to {target.name}, commit {target.commit[:12]}")
    url = history.bring_back(account, project, stage, target)
    history.record(account, project, stage, releases, target)
    write_outputs(
        arguments.outputs,
        {"release": target.name, "function_image": target.image, "url": url},
    )
    print(url)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.redeploy", description=__doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument("--release", default="", metavar="R", help="one of those that --list shows")
    parser.add_argument("--list", action="store_true", help="show releases, and change nothing")
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="add release, function_image and url to it, as GitHub reads outputs",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
