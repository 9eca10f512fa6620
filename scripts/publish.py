"""Put an artifact into a registry. Prints its version alone on stdout."""

from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run

with needing("make run"):
    from function.core.artifact import open_artifact
    from scripts.registry.registry import open_registry


def main() -> None:
    parser = registry_parser("scripts.publish", __doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="a folder with a manifest")
    arguments = parser.parse_args()
    print(open_registry(arguments.registry).publish(open_artifact(arguments.artifact)))


if __name__ == "__main__":
    run(main)
