"""The page that GitHub shows of a job."""

import os
from pathlib import Path

VARIABLE = "GITHUB_STEP_SUMMARY"


def add_to_summary(markdown: str) -> None:
    """Append to the page of the job at hand; outside of a job nothing happens."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{markdown.rstrip()}\n\n")
