"""Deploy a stage: foundation, models, image, stacks, and a check that it answers.

The account may be a fresh one. Run again after a failure, it continues. With --function-image it
deploys an image that was built elsewhere, and changes only the stage. EVERGREEN_API_KEY may hold
the API's key, for the check.
"""

import argparse
from pathlib import Path

from scripts.common.command_line import run, write_outputs
from scripts.deploy import stacks
from scripts.deploy.account import open_account
from scripts.deploy.builds import Build, build_all, stage_registry
from scripts.deploy.delivery import deliver, record_deployment
from scripts.deploy.foundation import ensure_bootstrap
from scripts.deploy.history import refuse_rolled_back
from scripts.deploy.models import parse_models
from scripts.deploy.stacks import load_stage


def main() -> None:
    arguments = _arguments()
    project, stage = load_stage(arguments.stage)
    given = parse_models(arguments.models)
    account = open_account(stage)
    ensure_bootstrap(account, sure=arguments.yes)
    if account.stack(project.stack(stage.name, "function")):
        registry = stage_registry(account, project)
        refuse_rolled_back(registry, stage, again=arguments.again)
    if arguments.function_image:
        build = Build(given, arguments.function_image, arguments.server_image)
    else:
        build = build_all(account, project, stage, arguments.registry)
    names = stacks.names(project, stage)
    url = deliver(
        account,
        project,
        stage,
        build,
        names=names,
        rollout=arguments.rollout,
        images_only=arguments.images_only,
    )
    release = record_deployment(account, project, stage, build)
    write_outputs(arguments.outputs, {"url": url, "release": release.name})
    print(url)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.deploy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument(
        "--registry",
        default="registry",
        metavar="LOCATION",
        help="where the first models come from",
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--function-image", default="", metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    parser.add_argument(
        "--models", default="", metavar="MODEL=VERSION,...", help="models of the given image"
    )
    parser.add_argument("--rollout", default="", help="AllAtOnce: no canary, for a repair")
    parser.add_argument(
        "--images-only",
        action="store_true",
        help="change nothing but images, as the role of the scheduled refresh may",
    )
    parser.add_argument("--again", action="store_true", help="also a commit that was rolled back")
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="append url and release, as outputs of a GitHub job",
    )
    arguments = parser.parse_args()
    if bool(arguments.function_image) != bool(arguments.models):
        parser.error("--function-image goes with --models")
    if arguments.images_only and not arguments.function_image:
        parser.error("--images-only goes with --function-image")
    return arguments


if __name__ == "__main__":
    run(main)
