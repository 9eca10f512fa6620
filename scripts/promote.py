"""Point an alias at a published version, once its files were verified."""

from scripts.commandline import registry_parser, run
from scripts.lifecycle.registry import PRODUCTION, open_registry


def main() -> None:
    parser = registry_parser("scripts.promote", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--alias", default=PRODUCTION)
    parser.add_argument("--reason", default="promoted by hand", help="kept with the alias")
    arguments = parser.parse_args()
    alias = open_registry(arguments.registry).promote(
        arguments.model, arguments.version, arguments.reason, arguments.alias
    )
    print(f"{arguments.model} {arguments.alias} -> {alias.version} (before: {alias.previous})")


if __name__ == "__main__":
    run(main)
