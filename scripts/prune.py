"""Remove versions that no alias, no release and no rollback needs."""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run, write_json

with needing("make run"):
    from function.core.manifest import MANIFEST
    from scripts.registry import keys
    from scripts.registry.registry import Registry, open_registry
    from scripts.registry.releases import Release, list_releases


@dataclass(frozen=True)
class Retention:
    """The numbers of versions that are kept, and the time that an upload may take."""

    window: int = 5  # versions behind each alias
    releases: int = 10  # last releases of each stage
    newest: int = 3  # newest versions
    unfinished: timedelta = timedelta(days=1)  # after which an upload or promotion is given up


def prune(registry: Registry, model: str, retention: Retention, *, dry_run: bool) -> list[str]:
    """Remove versions of a model that are not needed, and return their names.

    Needed are the versions that any alias points at, those behind it within the rollback window,
    those that the last releases of each stage carry, and the newest and just published ones, which
    may be on their way.
    The manifest goes first, so that a version is whole or does not exist; aliases are read again
    before each, so that one promoted meanwhile stays.
    """
    removed = []
    for version in sorted(
        set(registry.versions(model)) - _versions_to_keep(registry, model, retention)
    ):
        if dry_run:
            removed.append(version)
        elif version not in _versions_to_keep(registry, model, retention):
            registry.store.delete(keys.version_file(model, version, MANIFEST))
            removed.append(version)
    if not dry_run:
        _sweep(registry, model, retention.unfinished)
    return removed


def _versions_to_keep(registry: Registry, model: str, retention: Retention) -> set[str]:
    needed = set(registry.versions(model)[-retention.newest :] if retention.newest else [])
    for alias in registry.aliases(model).values():
        needed |= {alias.version, *alias.behind[: retention.window]}
    recent = datetime.now(UTC) - retention.unfinished
    for entry in registry.store.list(keys.versions(model)):
        if entry.key.endswith(f"/{MANIFEST}") and entry.modified > recent:
            needed.add(entry.key.split("/")[-2])
    stages: dict[str, list[Release]] = defaultdict(list)
    for release in list_releases(registry.store):
        stages[release.stage].append(release)
    for releases in stages.values():
        for release in releases[-retention.releases :]:
            needed.add(release.models.get(model, ""))
    return needed


def _sweep(registry: Registry, model: str, unfinished: timedelta) -> None:
    """Remove files of versions without a manifest, save those of an upload that may go on."""
    files = defaultdict(list)
    prefix = keys.versions(model)
    for entry in registry.store.list(prefix):
        files[entry.key.removeprefix(prefix).split("/")[0]].append(entry)
    given_up = datetime.now(UTC) - unfinished
    for version, entries in files.items():
        whole = any(entry.key == keys.version_file(model, version, MANIFEST) for entry in entries)
        if not whole and max(entry.modified for entry in entries) < given_up:
            for entry in entries:
                registry.store.delete(entry.key)


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
