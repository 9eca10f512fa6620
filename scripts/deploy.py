"""Make a stage, or bring it up to date: foundation, models, image, stacks, and a look whether it
answers. From a fresh account on; run again after a failure it goes on where it stood.

With --function-image what was built elsewhere is deployed as it is, and only the stage is touched.
The API's key, to ask it for a prediction afterwards, may be in EVERGREEN_API_KEY.
"""

import argparse
import os
from datetime import UTC, datetime

from scripts.commandline import run
from scripts.deployment import outcome, stacks
from scripts.deployment.account import enter
from scripts.deployment.api_key import ensure_key
from scripts.deployment.bootstrap import ensure_bootstrap
from scripts.deployment.builds import Build, build_all
from scripts.deployment.progress import say
from scripts.deployment.stages import load_stage
from scripts.lifecycle.errors import CommandError


def main() -> None:
    arguments = _arguments()
    project, stage = load_stage(arguments.stage)
    account = enter(stage)
    ensure_bootstrap(account, sure=arguments.yes)
    if arguments.function_image:
        models = dict(pin.split("=", 1) for pin in arguments.models.split(","))
        build = Build(models, arguments.function_image, arguments.server_image)
    else:
        build = build_all(account, project, stage, arguments.registry)
    key_version, key = ensure_key(account, project, stage)
    if key:
        say(f"The API's key, shown this once and kept nowhere: {key}")
    context = {
        "stage": stage.name,
        "function_image": build.function,
        "server_image": build.server,
        "api_key_version": key_version,
        "rollout": arguments.rollout,
    }
    started = datetime.now(UTC)
    try:
        stacks.deploy(stacks.names(project, stage), context)
    except CommandError as error:
        why = outcome.reasons(account, f"{project.name}-{stage.name}", started)
        raise CommandError("\n".join([str(error), *why])) from error
    key = key or os.environ.get("EVERGREEN_API_KEY")
    url = outcome.verify(account, project, stage, build, key)
    outcome.record(account, project, stage, build)
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
    parser.add_argument("--rollout", default="", help="AllAtOnce, to go back or to mend at once")
    arguments = parser.parse_args()
    if bool(arguments.function_image) != bool(arguments.models):
        parser.error("--function-image goes with --models")
    return arguments


if __name__ == "__main__":
    run(main)
