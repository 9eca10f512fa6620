"""Make room for a large image on a runner, and stop where it would not fit.

GitHub promises 14 GB. Tools that no job here uses take twice that; they are removed, on GitHub's
own machines alone. Needs only the standard library.
"""

import argparse
import os
import shutil
import subprocess

from scripts.common.command_line import run
from scripts.common.errors import CommandError

TOOLS = (
    "/usr/local/lib/android",
    "/usr/share/dotnet",
    "/usr/share/swift",
    "/usr/local/.ghcup",
    "/opt/ghc",
    "/opt/hostedtoolcache/CodeQL",
)
BYTES = 1_000_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.workflow.free_disk", description=__doc__
    )
    parser.add_argument("--gigabytes", type=int, required=True, help="that a build takes")
    wanted = parser.parse_args().gigabytes
    if os.environ.get("RUNNER_ENVIRONMENT") == "github-hosted":
        subprocess.run(["sudo", "rm", "-rf", *TOOLS], check=False)
    free = shutil.disk_usage("/").free // BYTES
    if free < wanted:
        raise CommandError(
            f"{free} GB are free on this runner, and the image's build takes {wanted}: "
            "let RUNNERS in scripts/workflow/plan.py name a larger one"
        )
    print(f"{free} GB are free, {wanted} are wanted")


if __name__ == "__main__":
    run(main)
