"""Results of `scripts.refresh` in a folder, one of each model.

A job wrote `MODEL.json` with --json, and `MODEL.md` with --report. A model whose refresh failed has
no result.
"""

import json
from pathlib import Path
from typing import Any


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return results by model."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {result["model"]: result for result in found}


def read_report(folder: Path, model: str) -> str:
    """Return the gate's report; empty where the gate did not run."""
    path = folder / f"{model}.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""
