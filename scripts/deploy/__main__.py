"""Make a stage, or bring it up to date: foundation, models, image, stacks, and a look whether it
answers. From a fresh account on; run again after a failure it goes on where it stood.

With --function-image what was built elsewhere is deployed as it is, and only the stage is touched.
The API's key, to ask it for a prediction afterwards, may be in EVERGREEN_API_KEY.
"""

import argparse
from pathlib import Path

from scripts.common.command_line import run, write_outputs
from scripts.deploy import delivery, stacks
from scripts.deploy.account import enter
from scripts.deploy.builds import Build, build_all, stage_registry
from scripts.deploy.delivery import deliver
from scripts.deploy.foundation import ensure_bootstrap
from scripts.deploy.history import refuse_what_was_taken_back
from scripts.deploy.models import parse
from scripts.deploy.stacks import load_stage


def main() -> None:
    arguments = _arguments()
    project, stage = load_stage(arguments.stage)
    given = parse(arguments.models)
    account = enter(stage)
    ensure_bootstrap(account, sure=arguments.yes)
    if account.stack(project.stack(stage.name, "function")):
        registry = stage_registry(account, project)
        refuse_what_was_taken_back(registry, stage, again=arguments.again)
    if arguments.function_image:
        build = Build(given, arguments.function_image, arguments.server_image)
    else:
        build = build_all(account, project, stage, arguments.registry)
    names = stacks.names(project, stage)
    url = deliver(account, project, stage, build, names=names, rollout=arguments.rollout)
    release = delivery.record(account, project, stage, build)
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
        "--registry", default="registry", metavar="LOCATION", help="where first models come from"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--function-image", default="", metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    parser.add_argument(
        "--models", default="", metavar="MODEL=VERSION,...", help="what the given image carries"
    )
    parser.add_argument("--rollout", default="", help="AllAtOnce, to mend at once")
    parser.add_argument("--again", action="store_true", help="also a commit that was taken back")
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="add url and release to it, as GitHub reads outputs",
    )
    arguments = parser.parse_args()
    if bool(arguments.function_image) != bool(arguments.models):
        parser.error("--function-image goes with --models")
    return arguments


if __name__ == "__main__":
    run(main)
