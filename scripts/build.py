"""Build a stage's images with models of its account's registry, see them answer, and push them.

The function's image is run under Lambda's emulator before anything is pushed, and every model has
to answer by its version. What was built of the same commit and models is not built again. The last
lines are digests, which scripts.deploy takes.
"""

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path

from scripts.common.command_line import run, write_json, write_outputs
from scripts.deploy.account import enter
from scripts.deploy.builds import build_images, stage_registry
from scripts.deploy.history import refuse_what_was_taken_back
from scripts.deploy.models import choose, parse, written
from scripts.deploy.stacks import load_stage


def main() -> None:
    arguments = _arguments()
    project, stage = load_stage(arguments.stage)
    given = parse(arguments.models)
    account = enter(stage)
    registry = stage_registry(account, project)
    refuse_what_was_taken_back(registry, stage, again=arguments.again)
    models = choose(registry, stage, given)
    build = build_images(account, project, stage, models, shlex.split(arguments.build_flags))
    digests = {"function_image": build.function, "server_image": build.server}
    write_json(asdict(build), arguments.json)
    write_outputs(arguments.outputs, {**digests, "models": written(models)})
    print(f"models {written(models)}")
    for name, digest in digests.items():
        if digest:
            print(f"{name} {digest}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.build", description=__doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument(
        "--models",
        default="",
        metavar="MODEL=VERSION,...",
        help="versions that are not to be those that the stage would take by itself",
    )
    parser.add_argument("--again", action="store_true", help="also of a commit that was taken back")
    parser.add_argument(
        "--build-flags", default="", metavar="FLAGS", help="more for `docker buildx build`: caches"
    )
    parser.add_argument("--json", type=Path, help="write models and digests here")
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="add function_image, server_image and models to it, as GitHub reads outputs",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
