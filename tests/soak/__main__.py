"""Load our server with everything at once, attack it meanwhile, and stop it under load.

Checks that every answer is right, that the server's memory stays flat, and that it answers what it
accepted before SIGTERM. The server has the settings of the environment: MAX_QUEUE=32 shows a full
queue. It and its clients, which are locust's, use loopback only and end with this command.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import CommandError
from scripts.common.processes import LOOPBACK, started
from scripts.common.progress import log

with needing("make soak"):
    from scripts.benchmark.texts import sample
    from tests.serving import running_server
    from tests.soak.adversary import attacking
    from tests.soak.drain import drain, read_metric
    from tests.soak.report import RequestStats, SoakResults
    from tests.soak.watch import watching

ROOT = Path(__file__).resolve().parents[2]
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
SHORTEST = 4  # seconds in which memory can be said to grow or not
PAUSE = 2.0  # seconds
START_SECONDS, END_SECONDS = 300, 300
DRAINED, OF_REVIEWS = 32, 8  # requests under way when the server is stopped, each of n reviews


def main() -> None:
    parser = command_parser("tests.soak", __doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--data", type=Path, help="real texts: a Parquet file's column 'text'")
    parser.add_argument("--json", type=Path, help="write all results here, too")
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST or arguments.clients < 1:
        parser.error(f"--seconds {SHORTEST} at the least, --clients 1")
    # An exception, so that the server is ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    reviews = sample(arguments.data, OF_REVIEWS).texts
    # Its callers wait as long: under attack the longest requests may take minutes.
    patience = os.environ.get("MAX_SECONDS", str(END_SECONDS))
    with running_server(seconds=START_SECONDS, MAX_SECONDS=patience) as server:
        pid, port = server.process.pid, server.port
        log(f"load for {arguments.seconds} seconds")
        with watching(pid, arguments.seconds) as samples:
            with attacking(port) as attacks:
                requests = load(port, arguments.seconds, arguments.clients, arguments.data)
            time.sleep(PAUSE)  # until the server has noticed that all clients have gone
        failed_batches = round(read_metric(port, "evergreen_batch_failures_total"))
        drained = drain(port, pid, [json.dumps({"inputs": reviews}).encode()] * DRAINED)
    requests |= attacks
    results = SoakResults(arguments.seconds, requests, samples, failed_batches, drained)
    print(results.render())
    if arguments.json:
        arguments.json.write_text(results.as_json(), encoding="utf-8")
    if failures := results.failures():
        raise CommandError("; ".join(failures))


def load(
    port: int, seconds: int, clients: int, data: Path | None = None
) -> dict[str, RequestStats]:
    """Run the locustfile against a server, and return its results by kind of request.

    It runs in a process of its own, because locust patches the standard library.
    """
    options = {
        "locustfile": LOCUSTFILE,
        "users": clients,
        "spawn-rate": clients,
        "run-time": f"{seconds}s",
        "stop-timeout": END_SECONDS,
        "exit-code-on-error": 0,
    }
    command = [sys.executable, "-m", "locust", "--headless", "--skip-log-setup"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with TemporaryDirectory() as folder:
        results = Path(folder, "results.json")
        variables = {"LOCUST_HOST": f"http://{LOOPBACK}:{port}", "SOAK_RESULTS": str(results)}
        variables |= {"SOAK_DATA": str(data.resolve())} if data else {}
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with started(command, cwd=ROOT, env={**os.environ, **variables}, **silent) as locust:
            try:
                code = locust.wait(seconds + 2 * END_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise CommandError("locust does not end") from error
        if code or not results.exists():
            raise CommandError(f"locust ended with {code}; its output names the cause")
        found = json.loads(results.read_text(encoding="utf-8"))
    return {name: RequestStats(**figures) for name, figures in found.items()}


if __name__ == "__main__":
    run(main)
