"""Check which models of a stage have a revision that was not judged yet, and record the check.

It is the first step of `scripts.refresh`, takes seconds and needs no torch, so the scheduled
refresh runs it often. An alarm fires where no check was recorded for long. A model that the stage
pins is left alone. A model whose source cannot be read counts as new, so that its own job fails and
the others go on.
"""

from __future__ import annotations

import argparse
import json

from function.core.errors import EvergreenError
from scripts.common.command_line import add_to_summary, needing, registry_parser, run, write_outputs
from scripts.common.errors import UsageError
from scripts.deploy.stacks import load_stage

with needing("make run"):
    from scripts.deploy.models import choose_models, pinned
    from scripts.refresh.sources.location import sources_by_model
    from scripts.refresh.updates import check_for_update, record_check, source_of
    from scripts.registry.registry import Registry, open_registry


def main() -> None:
    arguments = _arguments()
    _, stage = load_stage(arguments.stage)
    registry = open_registry(arguments.registry)
    served, pins = choose_models(registry, stage), pinned(stage)
    if arguments.model and arguments.model not in served:
        raise UsageError(f"{stage.name} serves {', '.join(served)}, and no '{arguments.model}'")
    wanted = [arguments.model] if arguments.model else list(served)
    sources = sources_by_model(arguments.source, served, pins)
    new = []
    for model in wanted:
        if model in pins:
            record_check(registry, model, "pinned")
            is_new, state = False, f"stays at {pins[model]}, which infra/stages.py pins"
        else:
            is_new, state = _check(registry, model, sources[model], arguments.retry)
        if is_new:
            new.append({"model": model, "source": sources[model]})
        add_to_summary(f"{model}: {state}")
        print(f"{model}: {state}")
    write_outputs(arguments.outputs, {"new": json.dumps(new) if new else ""})


def _check(registry: Registry, model: str, source: str, retry: bool) -> tuple[bool, str]:
    """Return whether there is a revision to judge, and the model's state in words."""
    try:
        found = check_for_update(registry, model, source_of(source, registry, model))
    except EvergreenError as error:
        return True, f"cannot be checked: {error}"
    record_check(registry, model, source)
    if found.revision and (retry or not found.why_not):
        return True, f"to judge: {found.revision}"
    return False, f"nothing new: {found.why_not}"


def _arguments() -> argparse.Namespace:
    parser = registry_parser(
        "scripts.workflow.check_updates",
        __doc__,
        outputs="new, a JSON list of model and source, or nothing",
    )
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument("--model", default="", help="this model alone; empty for all of the stage")
    parser.add_argument(
        "--source",
        default="registry",
        metavar="[MODEL=]SOURCE,...",
        help="as in scripts.refresh, by model; 'registry' where none is named",
    )
    parser.add_argument(
        "--retry", action="store_true", help="a revision that was judged before counts as new"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
