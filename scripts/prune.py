"""Remove versions that no alias, no release and no rollback needs."""

import argparse
from pathlib import Path

from scripts.common.command_line import registry_parser, run, write_json
from scripts.registry.pruning import Retention, prune
from scripts.registry.registry import open_registry


def main() -> None:
    defaults = Retention()
    parser = registry_parser("scripts.prune", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument(
        "--window", type=_count, default=defaults.window, help="versions behind each alias to keep"
    )
    parser.add_argument(
        "--releases", type=_count, default=defaults.releases, help="releases of each stage to keep"
    )
    parser.add_argument(
        "--newest", type=_count, default=defaults.newest, help="newest versions to keep"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, remove nothing")
    parser.add_argument("--json", type=Path, help="also write the removed versions here")
    arguments = parser.parse_args()
    retention = Retention(arguments.window, arguments.releases, arguments.newest)
    registry = open_registry(arguments.registry)
    removed = prune(registry, arguments.model, retention, dry_run=arguments.dry_run)
    write_json({"model": arguments.model, "removed": removed}, arguments.json)
    done = "would remove" if arguments.dry_run else "removed"
    kept = len(registry.versions(arguments.model)) - len(removed) * arguments.dry_run
    print(f"{arguments.model}: {done} {', '.join(removed) or 'nothing'}; {kept} kept")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("give 1 or more")
    return count


if __name__ == "__main__":
    run(main)
