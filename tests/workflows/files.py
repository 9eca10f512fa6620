"""The workflow files, read."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.commands import REPOSITORY

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


def started(event: str, branch: str, files: list[str]) -> set[str]:
    """Return the workflows that GitHub starts for a push, or a pull request, that changes files.

    act starts them whatever changed.
    """
    found = set()
    for name, document in WORKFLOWS.items():
        if event not in document["on"]:
            continue
        rule = document["on"][event] or {}
        ignored = [_pattern(each) for each in rule.get("paths-ignore", ())]
        ours = branch in rule.get("branches", [branch])
        kept = [file for file in files if not any(each.fullmatch(file) for each in ignored)]
        if ours and kept and branch not in rule.get("branches-ignore", ()):
            found.add(name)
    return found


def _pattern(glob: str) -> re.Pattern[str]:
    """Return a filter of GitHub's: `**` matches any characters, `*` all but a slash."""
    parts = {"**": ".*", "*": "[^/]*"}
    words = re.split(r"(\*\*|\*)", glob)
    return re.compile("".join(parts.get(word, re.escape(word)) for word in words))


def python_versions(event: str) -> list[str]:
    """Return the Pythons that `ci` tests on an event."""
    expression = WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["python"]
    pushed, others = re.findall(r"'(\[.*?\])'", expression)
    versions: list[str] = json.loads(pushed if event == "push" else others)
    return versions


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place of a step and the step, of all jobs and of our own actions."""
    for name, job in jobs():
        for step in job.get("steps", ()):
            yield name, step
    for name, action in ACTIONS.items():
        for step in action["runs"]["steps"]:
            yield name, step
