"""Run the life of a release on this machine, with no AWS: publish, build, smoke test, deploy,
refresh, refuse, fail, go back. Prints what was run, how long it took, and what was found to hold.

Real are the commands, the gate, models, images, pushes and digests, the hooks, and the function
under AWS's runtime client and emulator. Replaced are
  AWS's API            by moto
  ECR's storage        by Debian's docker-registry
  Docker               by podman
  AWS's base image     by Debian, unless LAMBDA_BASE_IMAGE names one that can be pulled
  CloudFormation       by a program that makes what the stacks would make
  CodeDeploy           by one that moves the alias as the rollout says, without waiting minutes
  callers              by 40 requests
Nothing stays but what `make container` keeps as well: base images and the layer of packages.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType

from scripts.common.command_line import command_parser, needing, run, write_json
from scripts.common.errors import CommandError

with needing("make rehearse"):
    from tests.rehearsal.provision import provision, require_programs
    from tests.rehearsal.scenario import rehearse
    from tests.rehearsal.timeline import Timeline

SECONDS = 900
STOPS = (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP)
TAIL = 3000


def main() -> None:
    arguments = _arguments()
    require_programs()
    print(__doc__)
    timeline = Timeline()
    with _bounded(arguments.limit), _quiet(), ExitStack() as stack:
        with timeline.step("start what stands in"):
            environment = stack.enter_context(provision())
        rehearse(environment, timeline)
    write_json(timeline.document(), arguments.json)
    held = sum(len(step.asserted) for step in timeline.steps)
    print(f"\n{timeline.seconds:5.0f} s  done: {held} assertions held; all was taken down again")


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    """Raise CommandError after a time, and on a signal, so that everything is removed then too."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in STOPS:  # once only: nothing may interrupt the removal
            signal.signal(each, signal.SIG_IGN)
        late = number == signal.SIGALRM
        raise CommandError(f"it took more than {seconds} seconds" if late else "it was stopped")

    for number in STOPS:
        signal.signal(number, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Print the servers' and moto's log only where something fails."""
    with TemporaryFile("w+") as log:
        try:
            with redirect_stderr(log):
                yield
        except BaseException:
            log.seek(0)
            print(log.read()[-TAIL:], file=sys.stderr)
            raise


def _arguments() -> argparse.Namespace:
    parser = command_parser("tests.rehearsal", __doc__)
    parser.add_argument("--json", type=Path, help="write the timeline here too")
    parser.add_argument(
        "--limit", type=int, default=SECONDS, metavar="SECONDS", help="after which it gives up"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
