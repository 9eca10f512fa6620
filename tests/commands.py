"""Commands as people run them: `python -m scripts.NAME` in the repository."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 1800  # after which it hangs, also on a busy machine


def run_python(
    *words: object, stdin: str = "", seconds: float = SECONDS, **environment: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python with these words in a process of its own, and return what it printed."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
