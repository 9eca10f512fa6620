"""The CDK's command line, which hands over what it is asked to the rehearsal's account."""

import json
import os
import sys
import urllib.request
from pathlib import Path

VARIABLE = "REHEARSAL_ACCOUNT"
SECONDS = 300
SCRIPT = """#!/bin/sh
exec "{python}" -m tests.rehearsal.cdk "$@"
"""


def install(executable: Path) -> None:
    """Put the program where commands look for the CDK's."""
    executable.parent.mkdir(parents=True)
    executable.write_text(SCRIPT.format(python=sys.executable))
    executable.chmod(0o755)


def main() -> int:
    """The exit code."""
    command, *rest = sys.argv[1:]
    context = dict(
        each.removeprefix("--context=").split("=", 1)
        for each in rest
        if each.startswith("--context=")
    )
    asked = {
        "command": command,
        "names": [each for each in rest if not each.startswith("--")],
        "context": context,
    }
    address = f"{os.environ[VARIABLE]}/cdk"
    request = urllib.request.Request(address, json.dumps(asked).encode())
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        answer = json.load(response)
    for line in answer["lines"]:
        print(line)
    return int(answer["code"])


if __name__ == "__main__":
    sys.exit(main())
