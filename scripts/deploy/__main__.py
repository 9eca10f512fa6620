"""Deploy a stage: foundation, models, image, stacks, and a check that it answers.

It begins with the doctor's checks of this machine and the account, which may be a fresh one. Run
again after a failure, it continues. With --function-image it deploys an image that was built
elsewhere, and changes only the stage. EVERGREEN_API_KEY may hold the API's key, for the check.
"""

from __future__ import annotations

import argparse

from scripts.common.command_line import needing, run, stage_parser, write_outputs
from scripts.common.errors import CommandError
from scripts.common.progress import log

with needing("make synth"):
    from scripts.deploy import stacks
    from scripts.deploy.account import open_account
    from scripts.deploy.builds import Build, build_all, stage_registry
    from scripts.deploy.delivery import deliver, record_deployment
    from scripts.deploy.foundation import ensure_bootstrap, ensure_service_linked_roles
    from scripts.deploy.history import refuse_other_release, refuse_rolled_back
    from scripts.deploy.models import parse_models
    from scripts.deploy.stacks import load_stage
    from scripts.doctor.check import CheckResults
    from scripts.doctor.deployment import check_deployment


def main() -> None:
    arguments = _arguments()
    deployment = load_stage(arguments.stage)
    project, stage = deployment
    given = parse_models(arguments.models)
    account = open_account(stage)
    if not arguments.function_image:
        _stop_where_bad(check_deployment(account, deployment), anyway=arguments.anyway)
    ensure_bootstrap(account, sure=arguments.yes)
    ensure_service_linked_roles(account, stage)
    if account.stack(deployment.stack("function")):
        registry = stage_registry(account, project)
        refuse_rolled_back(registry, stage, again=arguments.again)
        if arguments.after:
            refuse_other_release(registry, stage, arguments.after)
    if arguments.function_image:
        build = Build(given, arguments.function_image, arguments.server_image)
    else:
        build = build_all(account, deployment, arguments.registry)
    names = stacks.names(deployment)
    url = deliver(
        account,
        deployment,
        build,
        names=names,
        rollout=arguments.rollout,
        images_only=arguments.images_only,
    )
    release = record_deployment(account, deployment, build)
    write_outputs(arguments.outputs, {"url": url, "release": release.name})
    print(url)


def _stop_where_bad(results: CheckResults, *, anyway: bool) -> None:
    """Log what the doctor finds; raise CommandError where it is bad."""
    found = [result for result in results if result.state != "ok"]
    for result in found:
        log(str(result))
    if any(result.state == "bad" for result in found) and not anyway:
        raise CommandError("nothing was begun: fix what is bad above, or say --anyway (ANYWAY=1)")


def _arguments() -> argparse.Namespace:
    parser = stage_parser("scripts.deploy", __doc__, outputs="url and release")
    parser.add_argument(
        "--registry",
        default="registry",
        metavar="LOCATION",
        help="where the first models come from",
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--anyway", action="store_true", help="also where the doctor finds something bad"
    )
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
        "--after", default="", metavar="RELEASE", help="only while it is the stage's last release"
    )
    arguments = parser.parse_args()
    if bool(arguments.function_image) != bool(arguments.models):
        parser.error("--function-image goes with --models")
    if arguments.images_only and not arguments.function_image:
        parser.error("--images-only goes with --function-image")
    if arguments.server_image and not arguments.function_image:
        parser.error("--server-image goes with --function-image")
    return arguments


if __name__ == "__main__":
    run(main)
