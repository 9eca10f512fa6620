"""Print the commit that a stage runs, from the releases in the registry.

A newer model is built with that commit, so that it brings along no code that was not approved or
that was rolled back. Prints nothing where nothing was released yet. Ends with 1 where the commit
cannot be built: it is in no commit, was not pushed, or lacks commands that the workflows call.
GITHUB_TOKEN, in a job, lets it ask GitHub for that.
"""

import base64
import os
import re

from scripts.common.command_line import needing, registry_parser, run, write_outputs
from scripts.common.errors import CommandError, NotFoundError
from scripts.common.git import is_commit
from scripts.common.github import call_github
from scripts.workflow import INTERFACE

with needing("make run"):
    from scripts.registry.registry import open_registry
    from scripts.registry.releases import list_releases, release_history

FILE = "scripts/workflow/__init__.py"


def main() -> None:
    parser = registry_parser("scripts.workflow.released_commit", __doc__, outputs="commit")
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    active = release_history(list_releases(registry.store, arguments.stage)).active
    commit = active[-1].commit if active else ""
    if commit and (why := _obstacle(commit)):
        raise CommandError(
            f"{arguments.stage} runs {commit}, {why}: release a pushed commit to {arguments.stage} "
            "(approve deploy.yml, or make deploy), then run refresh-model again with retry"
        )
    write_outputs(arguments.outputs, {"commit": commit})
    if commit:
        print(commit)


def _obstacle(commit: str) -> str:
    """Return why a job cannot build a commit with these workflows; empty where it can."""
    if not is_commit(commit):
        return "a working tree that is in no commit"
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return ""
    try:
        call_github(f"{repository}/commits/{commit}")
    except CommandError as error:
        if "answers 422" in str(error) or isinstance(error, NotFoundError):
            return "which was never pushed"
        raise
    try:
        found = call_github(f"{repository}/contents/{FILE}?ref={commit}")
        text = base64.b64decode(found["content"]).decode()
    except NotFoundError:
        text = ""
    spoken = re.search(r"^INTERFACE = (\d+)$", text, re.MULTILINE)
    if spoken is None or int(spoken[1]) != INTERFACE:
        return "which lacks commands that the workflows of the branch call"
    return ""


if __name__ == "__main__":
    run(main)
