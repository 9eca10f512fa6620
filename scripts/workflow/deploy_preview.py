"""Build a pull request's function with the models of its own registry, and deploy it as `pr-N`.

Prints the address. Run again after a push, or after a failure, it continues.
"""

import shlex

from scripts.common.command_line import needing, run, stage_parser, write_outputs
from scripts.common.errors import UsageError

with needing("make synth"):
    from infra.configuration.sandbox import is_preview
    from scripts.deploy.account import open_account
    from scripts.deploy.builds import image_specs
    from scripts.deploy.image import build_and_push
    from scripts.deploy.models import choose_models
    from scripts.deploy.preview import deploy_preview
    from scripts.deploy.stacks import load_stage
    from scripts.registry.registry import open_registry


def main() -> None:
    parser = stage_parser(
        "scripts.workflow.deploy_preview", __doc__, stages="pr-N, of pull request N", outputs="url"
    )
    parser.add_argument("--registry", default="registry", metavar="LOCATION")
    parser.add_argument("--build-flags", default="", metavar="FLAGS")
    arguments = parser.parse_args()
    if not is_preview(arguments.stage):
        raise UsageError(f"{arguments.stage}: a preview's stage is pr-N")
    deployment = load_stage(arguments.stage)
    stage = deployment.stage
    account = open_account(stage)
    registry = open_registry(arguments.registry)
    models = choose_models(registry, stage)
    spec = image_specs(deployment)["function"]
    flags = shlex.split(arguments.build_flags)
    digest = build_and_push(account, registry, models, spec, flags)
    url = deploy_preview(account, deployment, digest)
    write_outputs(arguments.outputs, {"url": url})
    print(url)


if __name__ == "__main__":
    run(main)
