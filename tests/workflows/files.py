"""The workflow files, read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / ".github"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def read(path: Path) -> dict[str, Any]:
    """Read a file, with its key `on` by that name: YAML takes the word for true."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    if True in document:
        document["on"] = document.pop(True)
    return document


WORKFLOWS = {path.stem: read(path) for path in sorted(FOLDER.glob("workflows/*.yml"))}
ACTIONS = {path.parent.name: read(path) for path in sorted(FOLDER.glob("actions/*/action.yml"))}
TEXTS = {str(path.relative_to(FOLDER)): path.read_text() for path in sorted(FOLDER.rglob("*.yml"))}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `workflow/job` and the job, of all workflows."""
    for workflow, document in WORKFLOWS.items():
        for name, job in document["jobs"].items():
            yield f"{workflow}/{name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place of a step and the step, of all jobs and of our own actions."""
    for name, job in jobs():
        for step in job.get("steps", ()):
            yield name, step
    for name, action in ACTIONS.items():
        for step in action["runs"]["steps"]:
            yield name, step
