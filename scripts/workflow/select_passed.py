"""Print the versions that passed the gate: they go live together, in one release.

Reads a folder of results of `scripts.refresh`. Prints nothing where none passed.
"""

from pathlib import Path

from scripts.common.command_line import command_parser, needing, run, write_outputs
from scripts.workflow.refresh_results import read_results

with needing("make run"):
    from scripts.deploy.models import format_models


def main() -> None:
    parser = command_parser("scripts.workflow.select_passed", __doc__, outputs="models")
    parser.add_argument(
        "--judged", type=Path, required=True, metavar="DIR", help="a MODEL.json each"
    )
    arguments = parser.parse_args()
    results = read_results(arguments.judged).values()
    models = format_models({each["model"]: each["version"] for each in results if each["changed"]})
    write_outputs(arguments.outputs, {"models": models})
    if models:
        print(models)


if __name__ == "__main__":
    run(main)
