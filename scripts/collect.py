"""Keep the prediction log of a server that runs here: its lines become Parquet, an hour a folder.

    python -m function.server | python -m scripts.collect --output build/predictions

Other lines of the output are passed on. Ends when the output does, or on SIGTERM; a collector that
is killed has kept every line that it read.
"""

import argparse
import signal
import sys
from pathlib import Path

from scripts.common.command_line import run
from scripts.drift.collecting import collect_lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.collect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    arguments = parser.parse_args()
    # Ctrl-C ends both ends of the pipe at once; what the server still says on its way out counts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for line in collect_lines(sys.stdin, arguments.output):
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    run(main)
