"""Choose the models of a release, once for all of its images.

Prints MODEL=VERSION,... and records the release that the stage runs now: `scripts.deploy --after`
refuses to deploy once another was made, whose code or models may be newer.
"""

from scripts.common.command_line import needing, run, stage_parser, write_outputs

with needing("make synth"):
    from scripts.deploy.account import open_account
    from scripts.deploy.builds import stage_registry
    from scripts.deploy.history import last_release, refuse_rolled_back
    from scripts.deploy.models import choose_models, format_models, parse_models
    from scripts.deploy.stacks import load_stage


def main() -> None:
    parser = stage_parser("scripts.workflow.choose_models", __doc__, outputs="models and after")
    parser.add_argument(
        "--models", default="", metavar="MODEL=VERSION,...", help="instead of those of the stage"
    )
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    given = parse_models(arguments.models)
    registry = stage_registry(open_account(stage), project)
    refuse_rolled_back(registry, stage, again=False)
    models = format_models(choose_models(registry, stage, given))
    after = last_release(registry, stage)
    write_outputs(arguments.outputs, {"models": models, "after": after})
    print(f"{models}, after {after}")


if __name__ == "__main__":
    run(main)
