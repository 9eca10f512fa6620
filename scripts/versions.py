"""List the versions of a registry: their dates, sizes, accuracies and aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.common.command_line import needing, registry_parser, run, table, write_json

with needing("make run"):
    from scripts.registry.registry import Registry, open_registry


def main() -> None:
    parser = registry_parser("scripts.versions", __doc__)
    parser.add_argument("--model", help="all, by default")
    parser.add_argument("--json", type=Path, help="also write the list here")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    models = [arguments.model] if arguments.model else registry.models()
    rows = [row for model in models for row in _rows(registry, model)]
    write_json(rows, arguments.json)
    if not rows:
        print(f"no versions in {registry.store.location}")
        return
    head = ["model", "version", "created", "MB", "accuracy", "aliases"]
    print(table(head, [_cells(row) for row in rows]))


def _rows(registry: Registry, model: str) -> list[dict[str, Any]]:
    aliases = registry.aliases(model)
    rows = []
    for version in registry.versions(model):
        artifact = registry.describe(model, version)
        rows.append(
            {
                "model": model,
                "version": version,
                "digest": artifact.digest,
                "created": artifact.manifest.created.isoformat(),
                "bytes": sum(entry.bytes for entry in artifact.manifest.files.values()),
                "metrics": artifact.manifest.metrics,
                "aliases": sorted(n for n, alias in aliases.items() if alias.version == version),
                "withdrawn": any(version in alias.withdrawn for alias in aliases.values()),
            }
        )
    return sorted(rows, key=lambda row: row["created"])


def _cells(row: dict[str, Any]) -> list[str]:
    accuracies = [
        f"{name} {figures['accuracy']:.2%}"
        for name, figures in row["metrics"].items()
        if "accuracy" in figures and not name.endswith("-validation")
    ]
    marks = [*row["aliases"], *["rolled back"] * row["withdrawn"]]
    return [
        row["model"],
        row["version"],
        row["created"][:16].replace("T", " "),
        f"{row['bytes'] / 1e6:.1f}",
        ", ".join(accuracies) or "-",
        ", ".join(marks) or "-",
    ]


if __name__ == "__main__":
    run(main)
