"""The server as a process under raw requests of every kind: it answers each, and honest ones."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from random import Random
from tempfile import TemporaryFile

import psutil
import pytest

from scripts.common.processes import end, free_port, listens, post, wait_until
from tests.conftest import REPOSITORY
from tests.fuzz.http_grammar import PATIENCE, WrongAnswerError, draw_request, exchange
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

REQUESTS = 5000 * int(os.environ.get("FUZZ", "1"))
SEED = os.environ.get("FUZZ_SEED", "0")
CLIENTS = 12
MOST_GROWTH = 40_000_000  # bytes of the server's memory between a fifth of the requests and the end


@contextmanager
def serving(models, **environment):
    """Yield port, process and log of a server of these models."""
    port = free_port()
    variables = {"MODELS_DIR": str(models), "PORT": str(port), "AUTH": "public", **environment}
    with TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "function.server"],
            cwd=REPOSITORY,
            env={**os.environ, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            assert wait_until(lambda: listens(port), process, 60)
            predict(port)
            yield port, process, log
        finally:
            end(process, 30)


def predict(port):
    """Ask for one text as an honest client does, and return the seconds that it took."""
    begun = time.monotonic()
    body = json.dumps({"inputs": "a good film"}).encode()
    headers = {"content-type": "application/json"}
    for _ in range(50):
        status, answer = post(port, "/v1/predict", body, headers=headers, seconds=PATIENCE)
        if status != 503:
            break
        time.sleep(0.1)
    assert status == 200
    assert json.loads(answer)["predictions"][0]["label"] == "positive"
    return time.monotonic() - begun


def test_every_request_is_answered_without_a_5xx_and_honest_ones_meanwhile(tmp_path):
    models = write_artifact(tmp_path / "models" / "sentiment").parent
    statuses: list[int] = []
    wrong: list[str] = []
    waited: list[float] = []
    memory: list[int] = []
    numbers, done = count(), threading.Event()
    with serving(models) as (port, process, log):

        def attack(client):
            draw = Random(f"{SEED}/{client}")
            while next(numbers) < REQUESTS and len(wrong) < 5:
                request = draw_request(draw)
                try:
                    statuses.extend(exchange(port, request))
                except (WrongAnswerError, OSError) as error:
                    wrong.append(f"{error!r}\n{request.content[:2000]!r}")
                if len(memory) == 0 and len(statuses) > REQUESTS / 5:
                    memory.append(psutil.Process(process.pid).memory_info().rss)

        def be_honest():
            while not done.wait(0.05):
                waited.append(predict(port))

        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            honest = pool.submit(be_honest)
            attacks = [pool.submit(attack, client) for client in range(CLIENTS)]
            for each in attacks:
                each.result()
            done.set()
            honest.result()
        memory.append(psutil.Process(process.pid).memory_info().rss)
        assert process.poll() is None
        end(process, 30)
        log.seek(0)
        lines = [json.loads(line) for line in log.read().splitlines()]
    ready = next(number for number, line in enumerate(lines) if line.get("status") == 200)
    assert not wrong, "\n\n".join(wrong)
    assert {200, 400, 404, 405, 415, 422, 431} <= {*statuses}
    failed = [each for each in lines[ready:] if each.get("status", 0) >= 500]
    assert not failed + [each for each in lines[ready:] if each["level"] == "error"]
    assert memory[-1] - memory[0] < MOST_GROWTH
    assert len(waited) > 10
