"""Point an alias at a published version."""

import argparse

from scripts.commandline import run
from scripts.lifecycle.registry import open_registry


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.promote", description=__doc__)
    parser.add_argument("--registry", required=True, help="a directory")
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--alias", default="production")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    alias = registry.move(arguments.model, arguments.alias, arguments.version, "promoted by hand")
    print(f"{arguments.model} {arguments.alias} -> {alias.version} (before: {alias.previous})")


if __name__ == "__main__":
    run(main)
