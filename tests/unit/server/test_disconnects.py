"""The middleware with an ASGI client that hangs up, as a server reports it."""

import asyncio

import pytest

from function.server.disconnects import DisconnectMiddleware

REQUEST = {"type": "http.request", "body": b"{}", "more_body": False}


class Client:
    """Sends one request; hangs up on demand."""

    def __init__(self):
        self.gone = asyncio.Event()
        self.got = []
        self._asked = False

    async def receive(self):
        if not self._asked:
            self._asked = True
            return REQUEST
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.got.append(message)


def scope():
    return {"type": "http", "state": {"log": {}}}


def test_a_client_that_stays_is_answered():
    async def app(scope, receive, send):
        assert await receive() == REQUEST
        await send({"type": "http.response.start", "status": 200})

    async def call():
        client = Client()
        await DisconnectMiddleware(app)(scope(), client.receive, client.send)
        return client.got

    assert asyncio.run(call()) == [{"type": "http.response.start", "status": 200}]


def test_what_a_client_asked_for_is_cancelled_when_it_hangs_up():
    cancelled = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def call():
        client, asked = Client(), scope()
        asyncio.get_running_loop().call_later(0.05, client.gone.set)
        await asyncio.wait_for(DisconnectMiddleware(app)(asked, client.receive, client.send), 5)
        return client.got, asked["state"]["log"]

    got, log = asyncio.run(call())
    assert cancelled == [True]
    assert got == []
    assert log["status"] == 499


def test_a_crash_of_the_application_reaches_the_outside():
    async def app(scope, receive, send):
        raise RuntimeError("boom")

    async def call():
        client = Client()
        await DisconnectMiddleware(app)(scope(), client.receive, client.send)

    with pytest.raises(RuntimeError, match="boom"):
        asyncio.run(call())


def test_a_server_that_stops_takes_the_answer_down_with_it():
    ended = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def call():
        client = Client()
        task = asyncio.create_task(DisconnectMiddleware(app)(scope(), client.receive, client.send))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(call())
    assert ended == [True]
