"""Roll a stage back to an earlier release: its images and templates go live at once, no canary.

A canary under way is stopped first. `production` moves back to its models where the stage moves
that alias. Without --release it is the release that the canary was to replace, or, without one, the
release before the live one, so that each run goes one further back; after a failure the next run
completes the rollback. What was rolled back is deployed again only on request: its models by
`scripts.refresh --retry` or `scripts.promote`, its code by --again of `scripts.build`, or both by
--release here.
"""

import argparse

from scripts.common.command_line import needing, run, stage_parser, table, write_outputs
from scripts.common.progress import log
from scripts.deploy.stacks import load_stage

with needing("make synth"):
    from scripts.deploy import history
    from scripts.deploy.account import open_account
    from scripts.deploy.builds import stage_registry
    from scripts.deploy.live import live_digest
    from scripts.deploy.templates import templates_of
    from scripts.registry.releases import list_releases, release_history


def main() -> None:
    arguments = _arguments()
    deployment = load_stage(arguments.stage)
    project, stage = deployment
    account = open_account(stage)
    registry = stage_registry(account, project)
    stopped = not arguments.list and history.stop_rollout(account, deployment)
    releases = list_releases(registry.store, stage.name)
    live = live_digest(account, deployment.name)
    if arguments.list:
        print(
            table(("release", "commit", "models", ""), list(history.release_rows(releases, live)))
        )
        return
    target = history.find_release(releases, arguments.release) if arguments.release else None
    target = target or history.previous_release(release_history(releases), live, stopped=stopped)
    log(f"{stage.name}: back to {target.name}, commit {target.commit[:12]}")
    with templates_of(target, deployment, current=arguments.current_templates) as templates:
        url = history.roll_back(account, deployment, target, templates)
    history.record_rollback(account, deployment, releases, target)
    write_outputs(
        arguments.outputs, {"release": target.name, "function_image": target.image, "url": url}
    )
    print(url)


def _arguments() -> argparse.Namespace:
    parser = stage_parser("scripts.redeploy", __doc__, outputs="release, function_image and url")
    parser.add_argument("--release", default="", metavar="R", help="one of those that --list shows")
    parser.add_argument(
        "--current-templates",
        action="store_true",
        help="deploy this checkout's templates, not those of the release's commit",
    )
    parser.add_argument("--list", action="store_true", help="show releases, and change nothing")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
