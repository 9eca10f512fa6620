"""The CDK's command line, as a program that commands start.

It sends its arguments to the process of the rehearsal, whose `Cdk` does what they ask for.
"""

import json
import os
import sys
import urllib.request
from http.server import HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.stand_ins.json_server import LOOPBACK, JsonRequests

if TYPE_CHECKING:  # it imports moto, which the program has no use for
    from tests.stand_ins.cdk import Cdk

VARIABLE = "REHEARSAL_CDK"
SECONDS = 300
SCRIPT = """#!/bin/sh
exec "{python}" -m tests.rehearsal.cdk "$@"
"""


class CdkServer(HTTPServer):
    """Server of the CDK's command line."""

    def __init__(self, cdk: "Cdk") -> None:
        super().__init__((LOOPBACK, 0), _Requests)
        self.cdk = cdk


class _Requests(JsonRequests):
    server: CdkServer

    def respond(self, method: str, document: Any) -> None:
        self.answer(self.server.cdk.run(document["arguments"], Path(document["folder"])))


def install(executable: Path) -> None:
    """Write the program to where commands find the CDK's."""
    executable.parent.mkdir(parents=True)
    executable.write_text(SCRIPT.format(python=sys.executable))
    executable.chmod(0o755)


def main() -> int:
    """Send the arguments; return the exit code."""
    call = {"arguments": sys.argv[1:], "folder": str(Path.cwd())}
    request = urllib.request.Request(os.environ[VARIABLE], json.dumps(call).encode())
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        reason = json.load(response)
    if reason:
        print(reason)
    return int(bool(reason))


if __name__ == "__main__":
    sys.exit(main())
