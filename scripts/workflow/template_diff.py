"""Write the `cdk diff` of all stages' stacks between another checkout, such as main's, and this.

Templates of both are synthesised here, so that it needs no account. A checkout that cannot be
synthesised is said in the file, and fails nothing.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import CommandError

with needing("make synth"):
    from scripts.deploy.cdk import ASSEMBLY, EXECUTABLE, QUIET, CdkApp, synthesise

Templates = Mapping[str, Mapping[str, Any]]
NONE = "No template differs.\n"
TRAILER = re.compile(r"^.*Number of stacks with differences: \d+$", re.MULTILINE)


def main() -> None:
    parser = command_parser("scripts.workflow.template_diff", __doc__)
    parser.add_argument("--base", type=Path, required=True, metavar="DIR", help="a checkout")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    if not arguments.base.is_dir():
        parser.error(f"--base {arguments.base}: no folder")
    try:
        before = synthesise(None, app=CdkApp(arguments.base))
        text = "".join(differences(before, synthesise(None)))
    except CommandError as error:
        text = f"There is no diff: the two cannot be synthesised and compared: {error}\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text or NONE, encoding="utf-8")
    print(text or NONE)


def differences(before: Templates, after: Templates) -> Iterator[str]:
    """Yield what the CDK says of each stack that differs; `after` is of this folder's assembly."""
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"Stack {name}: removed from the configuration\n\n"
        elif before.get(name) != after[name]:
            yield f"{_cdk_diff(name, before.get(name, {}))}\n"


def _cdk_diff(name: str, before: Mapping[str, Any]) -> str:
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "template.json"
        file.write_text(json.dumps(before))
        done = subprocess.run(
            [
                *(str(EXECUTABLE), "diff", name, f"--app={ASSEMBLY}", f"--template={file}"),
                *("--no-color", "--no-change-set"),
            ],
            env={**os.environ, **QUIET, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode:
        raise CommandError(f"cdk diff {name} failed: {done.stdout.strip()[-300:]}")
    return TRAILER.sub("", done.stdout).strip() + "\n"


if __name__ == "__main__":
    run(main)
