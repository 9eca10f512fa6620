"""Look whether a source has a revision that was not judged yet, and leave a trace of the look.

What `scripts.refresh` does first, by itself: it takes seconds and needs no torch, so the clock can
afford it often. SOURCE is as there. An alarm rings where no trace is left for long.
"""

from pathlib import Path

from scripts.commandline import registry_parser, run, write_outputs
from scripts.lifecycle.looking import leave_trace, look, source_of
from scripts.lifecycle.registry import open_registry
from scripts.workflow.summary import add_to_summary


def main() -> None:
    parser = registry_parser("scripts.look", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--retry", action="store_true", help="what was judged before counts as new")
    parser.add_argument("--outputs", type=Path, metavar="FILE", help="add new and revision to it")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    source = source_of(arguments.source, registry, arguments.model)
    found = look(registry, arguments.model, source)
    leave_trace(registry, arguments.model, arguments.source)
    new = found.revision is not None and (arguments.retry or not found.why_not)
    write_outputs(
        arguments.outputs,
        {"new": str(new).lower(), "revision": str(found.revision or "")},
    )
    said = f"to judge: {found.revision}" if new else f"nothing new: {found.why_not}"
    add_to_summary(f"{arguments.model}: {said}")
    print(f"{arguments.model}: {said}")


if __name__ == "__main__":
    run(main)
