"""The server under traffic: batches, short texts among long ones, refusals, a drain."""

import asyncio
import json
import signal
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.serving import refusal, running_server

pytestmark = [pytest.mark.integration, pytest.mark.model, pytest.mark.alone]

# The full model alone, by one window a text, so that what a text costs is known.
PLAIN = {"cascade": "off", "long_text": "truncate"}
LONG = "The film is long, and this review of it is longer still. " * 400
SHORT = "A warm, funny film."


@pytest.fixture
def serve(bundled_models):
    """Start the server over the bundled model; it is stopped after the test."""
    with ExitStack() as servers:
        yield lambda **settings: servers.enter_context(running_server(bundled_models, **settings))


async def ask(client, text, **parameters):
    begun = time.perf_counter()
    body = {"inputs": text, "parameters": PLAIN | parameters}
    answer = await client.post("/v1/predict", json=body)
    return answer, time.perf_counter() - begun


def client_of(url, connections=200):
    limits = httpx.Limits(max_connections=connections)
    return httpx.AsyncClient(base_url=url, timeout=60, limits=limits)


def log_of(server):
    return [json.loads(line) for line in server.stop()]


def test_a_short_text_does_not_wait_for_the_long_ones_before_it(serve):
    url = serve().url

    async def traffic():
        async with client_of(url) as client:
            long = [asyncio.create_task(ask(client, [LONG] * 60)) for _ in range(2)]
            await asyncio.sleep(1)
            short = [await ask(client, SHORT) for _ in range(5)]
            unfinished = sum(not task.done() for task in long)
            return short, unfinished, await asyncio.gather(*long)

    short, unfinished, long = asyncio.run(traffic())
    assert unfinished == 2, "the long ones must still be under way when the short ones are answered"
    assert all(answer.status_code == 200 for answer, _ in [*short, *long])
    assert max(seconds for _, seconds in short) < min(seconds for _, seconds in long) / 3


@pytest.mark.parametrize(
    ("text", "parameters"), [(LONG[:2000], {}), (SHORT, {"explain": True})], ids=["read", "explain"]
)
def test_more_than_the_queue_holds_is_refused_with_retry_after_and_the_rest_is_answered(
    serve, text, parameters
):
    url = serve(MAX_QUEUE="10").url

    async def traffic():
        async with client_of(url) as client:
            return await asyncio.gather(*(ask(client, text, **parameters) for _ in range(60)))

    answers = [answer for answer, _ in asyncio.run(traffic())]
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert all(
        int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429
    )


def test_the_text_of_a_client_that_hangs_up_is_not_run_to_the_end(serve):
    server = serve()

    async def traffic():
        async with client_of(server.url) as client:
            gone = asyncio.create_task(ask(client, [LONG] * 60))
            await asyncio.sleep(1)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            return await ask(client, SHORT)

    answer, _ = asyncio.run(traffic())
    assert answer.status_code == 200
    lines = [line for line in log_of(server) if line.get("route") == "/v1/predict"]
    assert [line["status"] for line in lines] == [499, 200]


def test_on_sigterm_everything_that_was_accepted_is_answered_and_it_exits_with_0(serve):
    server = serve()

    async def traffic():
        async with client_of(server.url) as client:
            asked = [asyncio.create_task(ask(client, LONG[:1500])) for _ in range(120)]
            await asyncio.sleep(0.7)
            unanswered = sum(not task.done() for task in asked)
            server.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*asked)
            with pytest.raises(httpx.ConnectError):
                await client.get("/health/live", headers={"connection": "close"})
            return answers, unanswered

    answers, unanswered = asyncio.run(traffic())
    assert unanswered >= 10, "there must be something left to answer when the signal comes"
    assert [answer.status_code for answer, _ in answers] == [200] * 120
    assert server.process.wait(10) == 0


def test_what_takes_longer_than_the_stop_timeout_is_given_up_within_it(serve):
    server = serve(STOP_SECONDS="1")

    async def traffic():
        async with client_of(server.url) as client:
            # Too much for a second of any processor.
            asked = [asyncio.create_task(ask(client, [LONG] * 120)) for _ in range(4)]
            await asyncio.sleep(0.7)
            server.process.send_signal(signal.SIGTERM)
            begun = time.perf_counter()
            await asyncio.to_thread(server.process.wait, 15)
            took = time.perf_counter() - begun
            return took, await asyncio.gather(*asked, return_exceptions=True)

    took, results = asyncio.run(traffic())
    assert took < 6
    given_up = [
        result
        for result in results
        if isinstance(result, httpx.HTTPError) or result[0].status_code >= 500
    ]
    assert given_up


def test_a_port_that_is_taken_is_reported_in_one_line(bundled_models, serve):
    refused = refusal(MODELS_DIR=str(bundled_models), PORT=str(serve().port))
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith("error: PORT")


def test_every_line_of_its_log_is_json(serve):
    server = serve()
    httpx.get(f"{server.url}/v1/models")
    lines = log_of(server)
    assert any(line.get("logger") == "evergreen" for line in lines)
    assert any(line.get("route") == "/v1/models" for line in lines)
