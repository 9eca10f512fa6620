"""Fetch models from a registry into a folder that the function and the server serve."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run
from scripts.common.errors import RegistryError, UsageError

with needing("make run"):
    from function.core.errors import ArtifactError
    from function.core.manifest import MANIFEST, Role, parse_manifest
    from scripts.registry.registry import Registry, open_registry

# The roles that a backend does not read: torch builds its graph from the configuration.
UNUSED: dict[str, tuple[Role, ...]] = {"onnx": (), "torch": ("graph",)}


def main() -> None:
    parser = registry_parser("scripts.pull", __doc__)
    parser.add_argument(
        "--model",
        nargs="+",
        action="extend",
        metavar="MODEL[=VERSION]",
        help="all that have the alias, by default",
    )
    parser.add_argument("--alias", default="production")
    parser.add_argument(
        "--backend", choices=UNUSED, default="onnx", help="leave out what it does not read"
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--only", action="store_true", help="take away what else was pulled there before"
    )
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    wanted = _wanted(registry, arguments.model, arguments.alias)
    for model, version in wanted.items():
        artifact = registry.pull(
            model, version, arguments.output, leave_out=UNUSED[arguments.backend]
        )
        print(f"{model} {artifact.version} -> {artifact.path}")
    if arguments.only:
        for manifest in arguments.output.glob(f"*/{MANIFEST}"):
            folder = manifest.parent
            if folder.name not in wanted and _is_pulled(manifest):
                shutil.rmtree(folder)
                print(f"{folder.name} taken away")


def _is_pulled(manifest: Path) -> bool:
    """Return whether it is a model's, in a folder of its name: other tools write manifests, too."""
    try:
        return parse_manifest(manifest.read_bytes(), "").model == manifest.parent.name
    except ArtifactError:
        return False


def _wanted(registry: Registry, models: list[str] | None, alias: str) -> dict[str, str]:
    """Return model to version. Raises RegistryError where an alias was never set."""
    wanted = dict(model.split("=", 1) for model in models or [] if "=" in model)
    named = [model for model in models or registry.models() if "=" not in model]
    if twice := wanted.keys() & named:
        raise UsageError(f"--model {min(twice)}: is given with a version, and without one")
    for model in named:
        pointer = registry.alias(model, alias)
        if pointer:
            wanted[model] = pointer.version
        elif models:
            raise RegistryError(f"{model}: no alias '{alias}'; promote a version first")
    if not wanted:
        raise RegistryError(f"no model has the alias '{alias}'; promote a version first")
    return wanted


if __name__ == "__main__":
    run(main)
