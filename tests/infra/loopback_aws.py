"""What the hooks talk to, on loopback: Lambda's Invoke over a real handler, CodeDeploy's answer
and CloudFormation's address. It stands in for moto, whose Lambda needs Docker and whose CodeDeploy
knows no hooks; boto3 speaks to it over HTTP as it does to AWS."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import unquote

Answer = Callable[[dict[str, Any]], Any]


class LoopbackAws(HTTPServer):
    """versions: what answers, by ARN. refusals: error codes that Lambda answers with first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.versions: dict[str, Answer] = {}
        self.refusals: list[str] = []
        self.reported: list[dict[str, str]] = []
        self.responses: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def run(self) -> None:
        """Serve, in a thread that has an event loop, as Lambda's main thread has one."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self.serve_forever(poll_interval=0.01)
        loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def loopback_aws() -> Iterator[LoopbackAws]:
    """A server for as long as the block lasts."""
    server = LoopbackAws()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Requests(BaseHTTPRequestHandler):
    server: LoopbackAws

    def do_POST(self) -> None:
        content = json.loads(self._content())
        if self.headers.get("X-Amz-Target", "").endswith(".PutLifecycleEventHookExecutionStatus"):
            self.server.reported.append(content)
            self._answer(200, {"lifecycleEventHookExecutionId": "x"})
            return
        _, _, name, end = unquote(self.path).removeprefix("/").split("/")
        assert end == "invocations", self.path
        self._invoke(name, content)

    def do_PUT(self) -> None:
        assert self.headers["content-type"] == "", "S3 counts it into the signature"
        self.server.responses.append(json.loads(self._content()))
        self._answer(200, {})

    def _invoke(self, arn: str, event: dict[str, Any]) -> None:
        if self.server.refusals:
            code = self.server.refusals.pop(0)
            self._answer(400, {"message": "not yet"}, **{"X-Amzn-ErrorType": code})
            return
        self.server.events.append(event)
        try:
            self._answer(200, self.server.versions[arn](event))
        except Exception as error:  # what Lambda makes of one that the function raises
            failure = {"errorMessage": str(error), "errorType": type(error).__name__}
            self._answer(200, failure, **{"X-Amz-Function-Error": "Unhandled"})

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def _answer(self, status: int, document: Any, **headers: str) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""
