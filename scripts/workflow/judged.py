"""What the clock's jobs judged, each a model: a folder of what `scripts.refresh` wrote of them,
`MODEL.json` with --json and `MODEL.md` with --report."""

import json
from pathlib import Path
from typing import Any


def read_judged(folder: Path) -> dict[str, dict[str, Any]]:
    """What happened, by model. One whose refresh broke is not among them."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {happened["model"]: happened for happened in found}


def read_report(folder: Path, model: str) -> str:
    """The gate's report; empty where the gate was not asked."""
    path = folder / f"{model}.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""
