"""What a folder remembers of the runs that record it, so that a killed run goes on as one run."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.lifecycle.tracking.tracker import Tracker


class Memory:
    """A small file: by kind of tracker, the run and the last step that it has of each metric."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def runs(self) -> dict[str, str]:
        """The run of each kind of tracker that was used so far."""
        return {kind: known["run"] for kind, known in self._known.items()}

    def steps(self, tracker: Tracker) -> dict[str, int]:
        """The last step of each metric that the tracker's run has; none of a run that is new."""
        known = self._known.get(tracker.kind, {})
        return dict(known["steps"]) if known.get("run") == tracker.run else {}

    def keep(self, tracker: Tracker, steps: Mapping[str, int]) -> None:
        """Save, in one step: a kill leaves the old file or the new one."""
        if not tracker.run:
            return
        self._known[tracker.kind] = {"run": tracker.run, "steps": dict(steps)}
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self._known, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self._path)
