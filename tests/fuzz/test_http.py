"""The server as a process under raw requests of every kind: it answers each, and honest ones."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

import psutil
import pytest

from scripts.common.processes import post
from tests.fuzz.http_grammar import PATIENCE, WrongAnswerError, draw_request, exchange
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

REQUESTS = 5000 * int(os.environ.get("FUZZ", "1"))
SEED = os.environ.get("FUZZ_SEED", "0")
CLIENTS = 12
MOST_GROWTH = 40_000_000  # bytes of the server's memory between a fifth of the requests and the end


def predict(port):
    """Ask for one text as an honest client does, and return the seconds that it took."""
    begun = time.monotonic()
    body = json.dumps({"inputs": "a good film"}).encode()
    headers = {"content-type": "application/json"}
    status, answer = post(port, "/v1/predict", body, headers=headers, seconds=PATIENCE)
    assert status == 200
    assert json.loads(answer)["predictions"][0]["label"] == "positive"
    return time.monotonic() - begun


def resident(server):
    return psutil.Process(server.process.pid).memory_info().rss


def test_every_request_is_answered_without_a_5xx_and_honest_ones_meanwhile(tmp_path):
    models = write_artifact(tmp_path / "models" / "sentiment").parent
    statuses: list[int] = []
    wrong: list[str] = []
    waited: list[float] = []
    memory: list[int] = []
    numbers, done = count(), threading.Event()
    with running_server(models) as server:

        def attack(client):
            draw = Random(f"{SEED}/{client}")
            while next(numbers) < REQUESTS and len(wrong) < 5:
                request = draw_request(draw)
                try:
                    statuses.extend(exchange(server.port, request))
                except (WrongAnswerError, OSError) as error:
                    wrong.append(f"{error!r}\n{request.content[:2000]!r}")
                if len(memory) == 0 and len(statuses) > REQUESTS / 5:
                    memory.append(resident(server))

        def be_honest():
            while not done.wait(0.05):
                waited.append(predict(server.port))

        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            honest = pool.submit(be_honest)
            attacks = [pool.submit(attack, client) for client in range(CLIENTS)]
            for each in attacks:
                each.result()
            done.set()
            honest.result()
        memory.append(resident(server))
        assert server.process.poll() is None
        lines = [json.loads(line) for line in server.stop()]
    ready = next(number for number, line in enumerate(lines) if line.get("status") == 200)
    assert not wrong, "\n\n".join(wrong)
    assert {200, 400, 404, 405, 415, 422, 431} <= {*statuses}
    failed = [each for each in lines[ready:] if each.get("status", 0) >= 500]
    assert not failed + [each for each in lines[ready:] if each["level"] == "error"]
    assert memory[-1] - memory[0] < MOST_GROWTH
    assert len(waited) > 10
