"""Run a night's checks in the sandbox, or only delete what another left: `make nightly`.

Goes on after a failure, always deletes the stage and the foundation, prints a table, and writes it
to a job's summary. Ends with 1 where a check failed. Needs credentials of the sandbox's account.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from infra.configuration.sandbox import NIGHTLY
from scripts.common.command_line import add_to_summary, command_parser, needing, run, write_json
from scripts.common.errors import CommandError, UsageError
from scripts.deploy.stacks import load_sandbox, load_stage

with needing("make tools"):
    import boto3

    from scripts.deploy.account import open_account
    from tests.nightly.checklist import (
        Check,
        CheckResult,
        document,
        run_checks,
        summary,
    )
    from tests.nightly.checks import checks, clean, destroy
    from tests.nightly.night import Night

OUTPUT = Path("build/nightly")


def main() -> None:
    parser = command_parser("tests.nightly", __doc__)
    parser.add_argument("--stage", choices=NIGHTLY, default=NIGHTLY[0])
    parser.add_argument("--clean", action="store_true", help="only delete what is left")
    arguments = parser.parse_args()
    if load_sandbox() is None:
        raise UsageError("infra/stages.py names no sandbox; docs/sandbox.md says how to make one")
    project, stage = load_stage(arguments.stage)
    account = open_account(stage)
    folder = OUTPUT.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    session = boto3.Session(region_name=account.region)
    night = Night(project, stage, Path.cwd(), folder, os.environ, session.client)
    if arguments.clean:
        print(clean(night))
        return
    signal.signal(signal.SIGTERM, _stop)  # so that everything is deleted then too
    finish(night, folder)


def finish(night: Night, folder: Path) -> None:
    """Run the checks of a night. Raises CommandError where one failed."""
    last = Check("make destroy leaves nothing", destroy)
    results = run_checks(night, [*checks(night)], last, _print)
    page = summary(night.stage.name, results)
    (folder / "summary.md").write_text(page)
    write_json(document(results), folder / "results.json")
    add_to_summary(page)
    print(f"\n{page}")
    if bad := [each.name for each in results if each.state != "ok"]:
        raise CommandError(f"{len(bad)} of {len(results)} checks do not hold: {'; '.join(bad)}")


def _print(result: CheckResult) -> None:
    print(f"{result.seconds:6.0f} s  {result.state:7}  {result.name}: {result.found}", flush=True)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    run(main)
