"""Verify the models of an image, and print the arguments of its build.

docker build $(python -m scripts.image build/image/models) -f Dockerfile.lambda .
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import CommandError

with needing("make run"):
    from function.core.artifact import Artifact
    from scripts.deploy.build_arguments import build_arguments, read_models


def main() -> None:
    parser = command_parser("scripts.image", __doc__)
    parser.add_argument("models", type=Path, help="a folder that scripts.pull wrote")
    parser.add_argument(
        "--expect",
        default="",
        metavar="MODEL[=VERSION],...",
        help="fail unless these are there and no others; empty for any",
    )
    arguments = parser.parse_args()
    artifacts = read_models(arguments.models)
    versions = ",".join(f"{artifact.manifest.model}={artifact.version}" for artifact in artifacts)
    if arguments.expect and not _as_expected(artifacts, arguments.expect.split(",")):
        raise CommandError(
            f"{arguments.models} holds {versions}, the image is to hold {arguments.expect}; "
            "empty the folder and pull again"
        )
    for argument in build_arguments(arguments.models, artifacts, versions):
        print(argument)


def _as_expected(artifacts: Sequence[Artifact], expected: Sequence[str]) -> bool:
    """Compare models with MODEL, of any version, or MODEL=VERSION."""
    names = {each.manifest.model for each in artifacts}
    found = names | {f"{each.manifest.model}={each.version}" for each in artifacts}
    return set(expected) <= found and names == {each.partition("=")[0] for each in expected}


if __name__ == "__main__":
    run(main)
