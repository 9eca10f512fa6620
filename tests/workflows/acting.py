"""Workflows under `act`, which runs their jobs on this machine as GitHub would on its own.

Matrices, conditions, needs and outputs are real, and so are the steps' shell lines. Actions of
others only record their inputs, and `make`, `python` and `sudo` are `stand_in.py`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.commands import REPOSITORY
from tests.workflows.files import FOLDER, PINNED

SECONDS = 120
PROGRAMS = ("make", "python3", "sudo")
RUNNERS = ("ubuntu-24.04", "ubuntu-24.04-arm")
AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.com")
INPUTS = {
    "actions/checkout": ("ref",),
    "aws-actions/configure-aws-credentials": (
        *("role-to-assume", "aws-region", "role-duration-seconds"),
    ),
    "actions/attest-build-provenance": ("subject-name", "subject-digest"),
    "actions/setup-python": ("python-version",),
    "actions/setup-node": ("node-version",),
    "docker/setup-buildx-action": (),
    "actions/cache": ("key",),
    "actions/upload-artifact": ("name", "path"),
    "actions/download-artifact": ("pattern", "path"),
}


@dataclass(frozen=True)
class Acted:
    """A workflow that ran.

    green: it succeeded. calls: command lines of programs and actions, as words, in the order in
    which they began. log: act's output.
    """

    green: bool
    calls: Sequence[Sequence[str]]
    log: str

    def of(self, *words: str) -> list[dict[str, str]]:
        """Return the options of the calls that start with these words."""
        return [
            _options(call[len(words) :])
            for call in self.calls
            if tuple(call[: len(words)]) == words
        ]

    def commands(self) -> list[str]:
        """Return the modules of scripts that ran, each with its stage if it has one."""
        found = []
        for call in self.calls:
            if "-m" in call:
                options = _options(call[call.index("-m") + 2 :])
                found.append(f"{call[call.index('-m') + 1]} {options.get('--stage', '')}".strip())
        return found

    def made(self) -> list[str]:
        """Return the targets of make."""
        return [" ".join(call[1:]) for call in self.calls if call[0] == "make"]


class ActRunner:
    """A clone of the repository's workflows, with stand-ins of their programs and actions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        clone = folder / "clone"
        shutil.copytree(FOLDER, clone / ".github")
        for arguments in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            (*AUTHOR, "commit", "--quiet", "--message=all"),
            ("remote", "add", "origin", "https://github.com/acme/texts.git"),
        ):
            subprocess.run(["git", *arguments], cwd=clone, check=True)
        programs = folder / "bin"
        programs.mkdir()
        for name in PROGRAMS:
            script = f'#!/bin/sh\nexec "{sys.executable}" -S "{_stand_in()}" "$0" "$@"\n'
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        self._actions = [
            f"--local-repository={action}={self._write_action(action)}" for action in _actions()
        ]

    def act(
        self,
        event: str,
        workflow: str,
        answers: Sequence[Mapping[str, Any]],
        *options: str,
        branch: str = "main",
    ) -> Acted:
        """Run a workflow. answers: the programs', see `stand_in.py`. options: further, of act."""
        calls, file = self._folder / "calls", self._folder / "answers"
        if branch != "main":
            (self._folder / "event").write_text(json.dumps({"ref": f"refs/heads/{branch}"}))
            options = (*options, f"--eventpath={self._folder / 'event'}")
        calls.write_text("")
        file.write_text(json.dumps(answers))
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("act")),
                event,
                f"--workflows=.github/workflows/{workflow}.yml",
                *(f"--platform={runner}=-self-hosted" for runner in RUNNERS),
                *self._actions,
                "--secret=GITHUB_TOKEN=of-the-job",
                f"--env=CALLS={calls}",
                f"--env=ANSWERS={file}",
                *options,
            ],
            cwd=self._folder / "clone",
            # Without the variables of a job that the tests themselves may run in.
            env={
                "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self._folder),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        lines = calls.read_text().splitlines()
        log = done.stdout + done.stderr
        return Acted(done.returncode == 0, [json.loads(line) for line in lines], log)

    def _write_action(self, action: str) -> Path:
        """Write an action that records its inputs, and return its folder."""
        name = action.split("@")[0]
        inputs = INPUTS.get(name, ())
        variables = {each: f"GIVEN_{each.upper().replace('-', '_')}" for each in inputs}
        words = " ".join(f'"${variable}"' for variable in variables.values())
        # act leaves a checkout with a `ref` to the action.
        files = f' && cp -R "{self._folder}/clone/." .' if name == "actions/checkout" else ""
        step = {
            "shell": "bash",
            "run": f"python3 --action {name} {words}{files}",
            "env": {
                variable: f"--{each}=${{{{ inputs.{each} }}}}"
                for each, variable in variables.items()
            },
        }
        document = {
            "name": name,
            "description": "records its inputs",
            "inputs": {each: {"description": each} for each in inputs},
            "runs": {"using": "composite", "steps": [step]},
        }
        folder = self._folder / "actions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "action.yml").write_text(yaml.safe_dump(document))
        return folder


def _actions() -> set[str]:
    return {each for path in FOLDER.rglob("*.yml") for each in PINNED.findall(path.read_text())}


def _stand_in() -> Path:
    return REPOSITORY / "tests/workflows/stand_in.py"


def _options(words: Sequence[str]) -> dict[str, str]:
    """Parse `--name value` and `--name=value`; an option alone is empty."""
    found, name = {}, ""
    for word in words:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            found[name] = value
        elif name:
            found[name] = word
    return found
