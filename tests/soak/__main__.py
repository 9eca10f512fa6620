"""Mixed traffic against our server: texts short and long, batches, entities, explanations,
mistakes, clients that hang up, and SIGTERM in the end. Whether all of it is answered rightly, what
was read together, and whether the server's memory stays flat.

The server has the settings of the environment: MAX_QUEUE=32 shows what a full queue does.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from scripts.benchmark import texts
from scripts.benchmark.connection import Connection, post, request
from scripts.benchmark.files import write
from scripts.benchmark.plan import SHORT_TEXT, subject
from scripts.benchmark.processes import serving
from scripts.benchmark.services import our_server
from scripts.common.command_line import run
from scripts.common.errors import CommandError
from scripts.common.progress import Progress
from tests.soak import report
from tests.soak.answers import labels
from tests.soak.clients import Clients
from tests.soak.drain import drain
from tests.soak.results import Results
from tests.soak.told import Told
from tests.soak.traffic import NAMING, PREDICT, SHORT, kinds, predict_path
from tests.soak.watch import watching

REVIEWS = 64
SHORTEST = 4.0  # seconds in which memory can be said to grow or not
SETTLE = 2.0  # seconds
DRAINED, OF_REVIEWS = 32, 8  # requests under way when the server is stopped, each of so many


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
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
        tagger = asyncio.run(_tagger(server.port))
        asked = dict.fromkeys([*SHORT, *reviews], PREDICT)
        if tagger:
            asked |= dict.fromkeys(NAMING, predict_path(tagger))
        alone = asyncio.run(_alone(server.port, asked))
        clients = Clients(server.port, kinds(reviews, measured.model.name, tagger), alone)
        before = asyncio.run(_get(server.port, "/metrics"))
        with watching(server.pid, arguments.seconds) as samples:
            asyncio.run(_load(clients, arguments.clients, arguments.seconds))
            after = asyncio.run(_get(server.port, "/metrics"))
            time.sleep(SETTLE)  # until it has noticed that everyone is gone
        last = post(PREDICT, {"inputs": reviews[:OF_REVIEWS]})
        drained = asyncio.run(drain(server.port, server.pid, [last] * DRAINED))
    told = Told.between(before, after)
    results = Results(arguments.seconds, clients.records, samples, told, drained)
    print(report.render(results))
    if arguments.json:
        write(arguments.json, report.as_json(results))
    if failures := report.failures(results):
        raise CommandError("; ".join(failures))


async def _load(clients: Clients, count: int, seconds: float) -> None:
    load = asyncio.create_task(clients.run(count, seconds))
    with Progress("load, seconds", round(seconds)) as progress:
        for _ in range(round(seconds)):
            await asyncio.wait({load}, timeout=1)
            asked = sum(record.asked for record in clients.records.values())
            progress.advance(1, requests=asked)
    await load


async def _alone(port: int, asked: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """What each text gets while nobody else asks. asked: texts, and the path of each."""
    connection = await Connection.open(port)
    found = {}
    for text, path in asked.items():
        answer = await connection.ask(post(path, {"inputs": text}))
        (found[text],) = labels(answer.body)
    connection.close()
    return found


async def _tagger(port: int) -> str | None:
    """The name of a model that finds entities, where one is served."""
    models = json.loads(await _get(port, "/v1/models"))["models"]
    names = (model["name"] for model in models if model["task"] == "token-classification")
    return next(names, None)


async def _get(port: int, path: str) -> str:
    connection = await Connection.open(port)
    answer = await connection.ask(request("GET", path))
    connection.close()
    return answer.body.decode()


if __name__ == "__main__":
    run(main)
