"""The Lambda handler under the real runtime client and emulator, behind HTTP on this machine.

python -m scripts.emulate --port 8080 [--handler MODULE.FUNCTION] [--memory MB] [--timeout SECONDS]
                                      [--python INTERPRETER]
"""

import argparse
import signal
import sys
from types import FrameType

from scripts.common.errors import CommandError
from scripts.emulation.binary import BINARY
from scripts.emulation.environment import LOOPBACK
from scripts.emulation.follower import LogFollower
from scripts.emulation.front import Front
from scripts.emulation.runtime import LambdaEmulator

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Serve until a signal; the exit code is 0 then, 2 where the port is taken."""
    arguments = _arguments()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        _serve(arguments)
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    log = BINARY.parent / f"port-{arguments.port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    emulator = LambdaEmulator(
        arguments.handler,
        timeout_seconds=arguments.timeout,
        memory_megabytes=arguments.memory,
        log_path=log,
        python=arguments.python,
    )
    # The port comes first: where it is taken, nothing has been fetched or started yet.
    with Front(arguments.port, emulator) as front, emulator, LogFollower(log):
        address = f"http://{LOOPBACK}:{front.server_address[1]}"
        print(f"{arguments.handler} on {address} (first call: cold start)", file=sys.stderr)
        print(f"Full log: {log}. Ctrl-C ends it.", file=sys.stderr, flush=True)
        front.serve_forever()


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once only: a second signal must not interrupt the orderly end.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8080, help="on loopback; 0 for any free one")
    parser.add_argument("--handler", default="function.lambda_handler.handler")
    parser.add_argument(
        "--memory", type=int, default=1769, metavar="MB", help="told to the handler, not enforced"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter that has awslambdaric"
    )
    parser.add_argument("--timeout", type=int, default=30, metavar="SECONDS")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
