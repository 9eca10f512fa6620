"""Take a stage away again, or with `--stage foundation` what all stages share.

With `retain_data` a stage's logs and results outlive it, and the foundation's models and images.
Everything else is gone.
"""

import argparse

from scripts.common.command_line import run
from scripts.deploy.removal import confirm, remove_foundation, remove_stage


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.destroy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", required=True, help="one of infra/stages.py, or foundation")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    arguments = parser.parse_args()
    remove = remove_foundation if arguments.stage == "foundation" else remove_stage
    if not arguments.yes:
        confirm(arguments.stage)
    remove(arguments.stage)


if __name__ == "__main__":
    run(main)
