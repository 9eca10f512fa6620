"""Draw and count what the CDK app makes, into docs/architecture.md and docs/infrastructure.md.

From the templates of the stages in infra/stages.py. Run it again after a change there or in infra/.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.common.command_line import run
from scripts.deploy.stacks import load_stages
from scripts.drawing.diagram import draw
from scripts.drawing.inventory import page
from scripts.drawing.page import with_part
from scripts.drawing.templates import REPOSITORY, synthesise

DOCS = REPOSITORY / "docs"
FENCE = "```mermaid\n{}```\n"


def main() -> None:
    argparse.ArgumentParser(prog="python -m scripts.diagram", description=__doc__).parse_args()
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(REPOSITORY))


def pages() -> Mapping[Path, str]:
    """What the two pages are to be."""
    project, stages = load_stages()
    last = stages[-1].name
    made = {each.name: synthesise(project, stages, each.name) for each in stages}
    whole = synthesise(project, (*stages[:-1], everything(stages[-1])), last)
    made[f"{last} with everything"] = whole
    picture = FENCE.format(draw(whole))
    architecture = DOCS / "architecture.md"
    return {
        architecture: with_part(architecture, "drawn by make diagram", picture),
        DOCS / "infrastructure.md": page(made),
    }


def everything(stage: StageConfiguration) -> StageConfiguration:
    """A stage with all that it may have beside its function."""
    return replace(
        stage,
        service=stage.service or ServiceConfiguration(),
        bulk=stage.bulk or BulkConfiguration(),
        predictions=stage.predictions or PredictionsConfiguration(),
    )


if __name__ == "__main__":
    run(main)
