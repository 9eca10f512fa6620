"""Print the resources of a deployment, and write the templates to cdk.out/."""

from collections import defaultdict
from typing import Any

from scripts.common.command_line import command_parser, run
from scripts.deploy.cdk import synthesise
from scripts.deploy.stacks import load_stage, load_stages

PATH = "aws:cdk:path"


def main() -> None:
    parser = command_parser("scripts.synth", __doc__)
    parser.add_argument("--stage", help="one of infra/stages.py; all of them by default")
    arguments = parser.parse_args()
    load_stages()  # an invalid configuration is one line here, and many from the CDK
    if arguments.stage:
        load_stage(arguments.stage)
    for stack, template in synthesise(arguments.stage).items():
        print("\n".join(describe_stack(stack, template)))


def describe_stack(stack: str, template: dict[str, Any]) -> list[str]:
    """Return lines with a stack's resources by type, each by its construct's path."""
    resources = template.get("Resources", {})
    kinds: dict[str, list[str]] = defaultdict(list)
    for logical_id, resource in resources.items():
        path = resource.get("Metadata", {}).get(PATH, logical_id)
        kinds[resource["Type"]].append("/".join(path.split("/")[1:]).removesuffix("/Resource"))
    lines = [f"{stack}: {len(resources)} resources"]
    for kind, paths in sorted(kinds.items()):
        lines.append(f"  {kind}")
        lines.extend(f"    {path}" for path in sorted(paths))
    return lines


if __name__ == "__main__":
    run(main)
