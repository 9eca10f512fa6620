"""Print the commit that a stage runs, from the releases in the registry.

A newer model is built with that commit, so that it brings along no code that was not approved or
that was rolled back. Prints nothing where nothing was released yet.
"""

from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run, write_outputs

with needing("make run"):
    from scripts.registry.registry import open_registry
    from scripts.registry.releases import list_releases, release_history


def main() -> None:
    parser = registry_parser("scripts.workflow.released_commit", __doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument("--outputs", type=Path, metavar="FILE", help="append commit")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    active = release_history(list_releases(registry.store, arguments.stage)).active
    commit = active[-1].commit if active else ""
    write_outputs(arguments.outputs, {"commit": commit})
    if commit:
        print(commit)


if __name__ == "__main__":
    run(main)
