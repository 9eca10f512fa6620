"""The templates of the stages that ship, and of what a stage may have, as looked at last.

make snapshots writes them anew: do so when a change is meant, and read the difference.
"""

import json
import re
from pathlib import Path
from typing import Any

from infra.stages import PROJECT, STAGES
from tests.infra.scaled import SCALED
from tests.infra.synthesis import DIGEST, Assembly, synthesise

FOLDER = Path(__file__).parent / "snapshots"
# What changes with every line of a handler, or with every setting of the function.
CHANGING = (
    (r"[0-9a-f]{64}\.(zip|json)", r"ASSET.\1"),
    (r"(CurrentVersion\w{8})[0-9a-f]{32}", r"\1"),
)


# No stage that ships has these: one on GPUs, one on Fargate that sleeps.
OPTIONAL = ("heavy-service", "heavy-bulk", "heavy-predictions", "light-service")


def optional(scaled: Assembly) -> dict[str, str]:
    """The same of stacks that a stage may have."""
    return {name: text for name, text in texts(scaled).items() if name.endswith(OPTIONAL)}


def texts(assembly: Assembly) -> dict[str, str]:
    """Each template as text, by the stack's name, without what says nothing."""
    return {name: _text(template) for name, template in assembly.templates.items()}


def _text(template: dict[str, Any]) -> str:
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
    }
    shown = {"Resources": resources, "Outputs": template.get("Outputs", {})}
    text = json.dumps(shown, indent=1, sort_keys=True)
    for pattern, instead in CHANGING:
        text = re.sub(pattern, instead, text)
    return text + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    shipped, scaled = (
        synthesise(PROJECT, stages, function_image=DIGEST, server_image=DIGEST)
        for stages in (STAGES, SCALED)
    )
    for name, text in (texts(shipped) | optional(scaled)).items():
        (FOLDER / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
