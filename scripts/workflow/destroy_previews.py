"""Delete the preview of a pull request, or those of all pull requests that are closed.

A preview that is not there is done. With --closed GitHub is asked about each that is there, by
GITHUB_TOKEN; one that cannot be deleted does not keep the others.
"""

from scripts.common.command_line import add_to_summary, command_parser, needing, run
from scripts.common.errors import CommandError, NotFoundError, UsageError
from scripts.common.github import call_github, job_repository

with needing("make synth"):
    from infra.configuration.sandbox import is_preview
    from scripts.deploy.account import open_account
    from scripts.deploy.preview import delete_preview, list_previews
    from scripts.deploy.stacks import load_stage


def main() -> None:
    parser = command_parser("scripts.workflow.destroy_previews", __doc__)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--stage", help="pr-N, of pull request N")
    chosen.add_argument("--closed", action="store_true", help="of every closed pull request")
    arguments = parser.parse_args()
    if arguments.stage and not is_preview(arguments.stage):
        raise UsageError(f"{arguments.stage}: a preview's stage is pr-N")
    project, stage = load_stage(arguments.stage or "pr-1")
    account = open_account(stage)
    found = [arguments.stage] if arguments.stage else list_previews(account, project)
    failed = []
    for name in found:
        if arguments.closed and _is_open(name):
            print(f"{name}: its pull request is open")
            continue
        try:
            there = delete_preview(account, project, name)
        except CommandError as error:
            failed.append(str(error))
            continue
        done = f"{name}: {'deleted' if there else 'there was none'}"
        add_to_summary(done)
        print(done)
    if failed:
        raise CommandError("; ".join(failed))


def _is_open(name: str) -> bool:
    try:
        found = call_github(f"{job_repository()}/pulls/{name.removeprefix('pr-')}")
    except NotFoundError:
        return False
    return bool(found["state"] == "open")


if __name__ == "__main__":
    run(main)
