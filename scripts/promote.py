"""Point an alias at a published version, once its files were verified."""

from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run, write_json

with needing("make run"):
    from scripts.registry.registry import open_registry


def main() -> None:
    parser = registry_parser("scripts.promote", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--alias", default="production")
    parser.add_argument("--reason", default="promoted by hand", help="kept with the alias")
    parser.add_argument("--json", type=Path, help="also write where the alias points now")
    arguments = parser.parse_args()
    alias = open_registry(arguments.registry).promote(
        arguments.model, arguments.version, arguments.reason, arguments.alias
    )
    write_json({"model": arguments.model, **alias.document()}, arguments.json)
    print(f"{arguments.model} {arguments.alias} -> {alias.version} (before: {alias.previous})")


if __name__ == "__main__":
    run(main)
