"""The templates of the stages that ship, as they were looked at last.

make snapshots writes them anew: do so when a change is meant, and read the difference.
"""

import json
import re
from pathlib import Path
from typing import Any

from infra.stages import PROJECT, STAGES
from tests.infra.synthesis import DIGEST, Assembly, synthesise

FOLDER = Path(__file__).parent / "snapshots"
# What changes with every line of a handler, or with every setting of the function.
CHANGING = (
    (r"[0-9a-f]{64}\.(zip|json)", r"ASSET.\1"),
    (r"(CurrentVersion\w{8})[0-9a-f]{32}", r"\1"),
)


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
    assembly = synthesise(PROJECT, STAGES, function_image=DIGEST, server_image=DIGEST)
    for name, text in texts(assembly).items():
        (FOLDER / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
