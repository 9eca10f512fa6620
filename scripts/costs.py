"""Compare what the function, Fargate and a GPU cost, for requests and for a file, into
docs/scaling.md.

From docs/costs.json, which `--measure` writes anew, and the prices in scripts/costing/prices.py.
"""

import argparse

from scripts.common.command_line import run
from scripts.costing.files_table import files_table
from scripts.costing.table import table
from scripts.drawing.page import with_part
from scripts.drawing.templates import REPOSITORY

PAGE, MEASURED = REPOSITORY / "docs/scaling.md", REPOSITORY / "docs/costs.json"
PARTS = {"computed by make costs": table, "a file, computed by make costs": files_table}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.costs", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="an answer, on one core of this")
    arguments = parser.parse_args()
    from scripts.costing import measured

    if arguments.measure:
        measured.write(MEASURED, measured.measure())
    for part, text in PARTS.items():
        PAGE.write_text(with_part(PAGE, part, text(measured.read(MEASURED))), encoding="utf-8")
    print(PAGE.relative_to(REPOSITORY))


if __name__ == "__main__":
    run(main)
