"""Ask ECR's scanner about a stage's images; critical vulnerabilities that have a fix stop them.

Ends with 1 where there are any that infra/accepted-vulnerabilities.txt does not name.
"""

import argparse
from collections.abc import Mapping, Sequence

from scripts.common.command_line import add_to_summary, run
from scripts.common.errors import CommandError
from scripts.deployment.account import enter
from scripts.deployment.scanning import ACCEPTED, accepted, vulnerabilities
from scripts.deployment.stages import load_stage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.scan", description=__doc__)
    parser.add_argument("--stage", required=True, help="one of infra/stages.py")
    parser.add_argument("--function-image", required=True, metavar="DIGEST")
    parser.add_argument("--server-image", default="", metavar="DIGEST")
    arguments = parser.parse_args()
    project, stage = load_stage(arguments.stage)
    account = enter(stage)
    reasons = accepted()
    images = {
        project.function_repository: arguments.function_image,
        project.server_repository: arguments.server_image,
    }
    refused = []
    for repository, digest in images.items():
        if not digest:
            continue
        found = vulnerabilities(account, repository, digest)
        left = [each for each in found if each.split()[0] not in reasons]
        refused += left
        print(f"{repository}@{digest}: {_in_words(found, left, reasons)}")
    if refused:
        said = f"critical vulnerabilities: {'; '.join(refused)}"
        add_to_summary(said)
        raise CommandError(f"{said}. Renew what has them, or give a reason in {ACCEPTED}")


def _in_words(found: Sequence[str], left: Sequence[str], reasons: Mapping[str, str]) -> str:
    spared = [each.split()[0] for each in found if each not in left]
    told = "".join(f"; {name} is accepted: {reasons[name]}" for name in spared)
    return f"{len(left)} critical vulnerabilities{told}"


if __name__ == "__main__":
    run(main)
