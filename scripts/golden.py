"""Freeze a golden set in a registry, under its digest, for the gate to judge by.

FILE holds texts that no model is trained on, with the truth: a label each where the model
classifies texts, their entities where it finds those. Prints the digest alone on stdout.
"""

from __future__ import annotations

from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run
from scripts.common.errors import RegistryError

with needing("make run"):
    from function.core.artifact import Manifest
    from scripts.gate.golden import read_golden
    from scripts.registry.golden_sets import freeze_golden
    from scripts.registry.registry import PRODUCTION, Registry, open_registry


def main() -> None:
    parser = registry_parser("scripts.golden", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="Parquet, CSV or JSONL with labels; Parquet, JSONL or CoNLL columns with entities",
    )
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    served = _manifest(registry, arguments.model)
    golden = read_golden(arguments.data, served.task, served.labels, arguments.encoding)
    print(freeze_golden(registry.store, arguments.model, golden.content()))


def _manifest(registry: Registry, model: str) -> Manifest:
    """Return the production manifest, or the newest one if none is in production."""
    production = registry.alias(model, PRODUCTION)
    versions = [production.version] if production else registry.versions(model)[-1:]
    if not versions:
        raise RegistryError(
            f"{model}: publish a version first; its task and labels say what the set may hold"
        )
    return registry.describe(model, versions[0]).manifest


if __name__ == "__main__":
    run(main)
