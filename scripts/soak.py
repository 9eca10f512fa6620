"""Mixed traffic against our server: texts short and long, batches, explanations, mistakes, clients
that hang up. Whether all of it is answered rightly, and the server's memory stays flat."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.benchmarking import texts
from scripts.benchmarking.connection import Connection, post
from scripts.benchmarking.files import write
from scripts.benchmarking.plan import SHORT_TEXT, subject
from scripts.benchmarking.processes import serving
from scripts.benchmarking.services import our_server
from scripts.commandline import run
from scripts.lifecycle.errors import CommandError
from scripts.soaking import report
from scripts.soaking.clients import Clients
from scripts.soaking.traffic import PREDICT, SHORT, kinds, labels
from scripts.soaking.watch import watching
from scripts.training.progress import Progress

REVIEWS = 64
SHORTEST = 4.0  # seconds in which memory can be said to grow or not
SETTLE = 2.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--data", type=Path, help="real texts: a Parquet file's column 'text'")
    parser.add_argument("--json", type=Path, help="every sample and every answer's time")
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST or arguments.clients < 1:
        parser.error(f"--seconds {SHORTEST:g} at the least, --clients 1")
    # An exception, so that the server is ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    reviews = texts.sample(arguments.data, REVIEWS).texts
    measured = subject(sys.executable)
    with serving(our_server(measured), SHORT_TEXT) as server:
        alone = asyncio.run(_alone(server.port, [*SHORT, *reviews]))
        clients = Clients(server.port, kinds(reviews, measured.model.name), alone)
        with watching(server.pid, arguments.seconds) as samples:
            asyncio.run(_load(clients, arguments.clients, arguments.seconds))
            asyncio.run(_alone(server.port, SHORT))  # it still answers
            time.sleep(SETTLE)  # and has noticed that everyone is gone
    records = clients.records
    print(report.render(arguments.seconds, records, samples))
    if arguments.json:
        write(arguments.json, report.as_json(records, samples))
    if failures := report.failures(arguments.seconds, records, samples):
        raise CommandError("; ".join(failures))


async def _load(clients: Clients, count: int, seconds: float) -> None:
    load = asyncio.create_task(clients.run(count, seconds))
    with Progress("load, seconds", round(seconds)) as progress:
        for _ in range(round(seconds)):
            await asyncio.wait({load}, timeout=1)
            asked = sum(record.asked for record in clients.records.values())
            progress.advance(1, requests=asked)
    await load


async def _alone(port: int, chosen: Iterable[str]) -> dict[str, tuple[str, float]]:
    """What each text gets while nobody else asks."""
    connection = await Connection.open(port)
    found = {}
    for text in chosen:
        answer = await connection.ask(post(PREDICT, {"inputs": text}))
        (found[text],) = labels(answer.body)
    connection.close()
    return found


if __name__ == "__main__":
    run(main)
