"""Build a stage's images with models of its account's registry, test them, and push them.

Before it is pushed, the function's image runs under Lambda's emulator, and every model has to
answer with its version. An image of the same code and models is not built again. The last lines
are digests, which scripts.deploy takes.
"""

import argparse
import shlex
from dataclasses import asdict
from pathlib import Path

from scripts.common.command_line import needing, run, stage_parser, write_json, write_outputs
from scripts.deploy.stacks import load_stage

with needing("make synth"):
    from scripts.deploy.account import open_account
    from scripts.deploy.builds import build_images, stage_registry
    from scripts.deploy.history import refuse_rolled_back
    from scripts.deploy.models import choose_models, format_models, parse_models


def main() -> None:
    arguments = _arguments()
    deployment = load_stage(arguments.stage)
    project, stage = deployment
    given = parse_models(arguments.models)
    account = open_account(stage)
    registry = stage_registry(account, project)
    refuse_rolled_back(registry, stage, again=arguments.again)
    models = choose_models(registry, stage, given)
    flags = shlex.split(arguments.build_flags)
    build = build_images(account, deployment, models, flags, arguments.image)
    digests = {"function_image": build.function, "server_image": build.server}
    write_json(asdict(build), arguments.json)
    write_outputs(arguments.outputs, {**digests, "models": format_models(models)})
    print(f"models {format_models(models)}")
    for name, digest in digests.items():
        if digest:
            print(f"{name} {digest}")


def _arguments() -> argparse.Namespace:
    parser = stage_parser(
        "scripts.build", __doc__, outputs="function_image, server_image and models"
    )
    parser.add_argument(
        "--models",
        default="",
        metavar="MODEL=VERSION,...",
        help="versions to use instead of those that the stage chooses",
    )
    parser.add_argument(
        "--image",
        default="",
        help="function or server alone; both by default, as the stage has them",
    )
    parser.add_argument("--again", action="store_true", help="also a commit that was rolled back")
    parser.add_argument(
        "--build-flags",
        default="",
        metavar="FLAGS",
        help="further flags of `docker buildx build`: caches",
    )
    parser.add_argument("--json", type=Path, help="write models and digests here")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
