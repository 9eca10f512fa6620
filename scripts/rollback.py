"""Point production back at the version behind it.

With --from V it is done when production is no longer V, so that it may be run again after a doubt;
without, each run goes one version further back. A version that was rolled back stays in the
registry, and a refresh does not bring it back by itself.
"""

from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run, write_json

with needing("make run"):
    from scripts.registry.registry import open_registry


def main() -> None:
    parser = registry_parser("scripts.rollback", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--from", dest="unless_left", metavar="V", help="only while V is there")
    parser.add_argument("--reason", default="rolled back by hand", help="kept with the alias")
    parser.add_argument("--json", type=Path, help="also write what happened here")
    arguments = parser.parse_args()
    before, now = open_registry(arguments.registry).rollback(
        arguments.model, unless_left=arguments.unless_left, reason=arguments.reason
    )
    moved = {"from": before.version if before else None, "version": now.version}
    write_json({"model": arguments.model, **moved, "digest": now.digest}, arguments.json)
    if before is None:
        print(
            f"{arguments.model} production is {now.version}, no longer {arguments.unless_left}: "
            "nothing to do"
        )
        return
    skipped = list(before.behind).index(now.version)
    why = f"the version in production before {before.version}"
    if skipped:
        why = f"the nearest whole one behind it; {', '.join(before.behind[:skipped])} damaged"
    print(f"{arguments.model} production {before.version} -> {now.version} ({why})")


if __name__ == "__main__":
    run(main)
