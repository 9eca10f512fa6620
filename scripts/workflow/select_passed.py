"""Tell which of the models that were judged are to go live: all together, in one release.

Takes a folder of what `scripts.refresh` wrote of each. Prints nothing where none passed.
"""

import argparse
from pathlib import Path

from scripts.common.command_line import run, write_outputs
from scripts.deploy.models import written
from scripts.workflow.issues import read_judged


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.workflow.select_passed", description=__doc__
    )
    parser.add_argument(
        "--judged", type=Path, required=True, metavar="DIR", help="MODEL.json of each"
    )
    parser.add_argument("--outputs", type=Path, metavar="FILE", help="add models to it")
    arguments = parser.parse_args()
    judged = read_judged(arguments.judged).values()
    models = written({each["model"]: each["version"] for each in judged if each["changed"]})
    write_outputs(arguments.outputs, {"models": models})
    if models:
        print(models)


if __name__ == "__main__":
    run(main)
