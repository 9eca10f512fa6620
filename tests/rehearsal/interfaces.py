"""Interfaces of AWS that moto does not have, on loopback: Lambda's Invoke, what of CodeDeploy is
asked, CloudFormation's address for answers, and the CDK's command line."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from scripts.emulate.protocol import InvocationError
from scripts.emulate.runtime import LOOPBACK
from tests.rehearsal.function import Function
from tests.rehearsal.rollout import Deployment, Rollout
from tests.rehearsal.stacks import Stacks


class Interfaces(ThreadingHTTPServer):
    """The server. What it serves is given once its address is known."""

    daemon_threads = True
    function: Function
    rollout: Rollout
    stacks: Stacks

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Requests)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let a server serve for as long as the block lasts."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Requests(BaseHTTPRequestHandler):
    server: Interfaces

    def do_POST(self) -> None:
        document = json.loads(self._content())
        target = self.headers.get("X-Amz-Target", "")
        if target:
            self._answer(_codedeploy(target.rpartition(".")[2], document, self.server.rollout))
        elif self.path == "/cdk":
            code, why = self.server.stacks.run(**document)
            self._answer({"code": code, "lines": why.splitlines()})
        else:
            self._invoke(unquote(self.path).split("/")[3].rpartition(":")[2], document)

    def do_PUT(self) -> None:
        self.server.rollout.first_reply = json.loads(self._content())
        self._answer({})

    def _invoke(self, version: str, event: Any) -> None:
        try:
            self._answer(self.server.function.ask(version, event))
        except InvocationError as error:
            failure = {"errorMessage": str(error), "errorType": type(error).__name__}
            self._answer(failure, **{"X-Amz-Function-Error": "Unhandled"})

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def _answer(self, document: Any, **headers: str) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the timeline tells what happens."""


def _codedeploy(operation: str, asked: Mapping[str, Any], rollout: Rollout) -> dict[str, Any]:
    if operation == "ListDeployments":
        start = asked["createTimeRange"]["start"]
        wanted = asked["includeOnlyStatuses"]
        found = [
            each.id
            for each in rollout.deployments
            if each.status in wanted and each.created.timestamp() >= start
        ]
        return {"deployments": found}
    if operation == "GetDeployment":
        deployment = _find(asked["deploymentId"], rollout)
        info = {"status": deployment.status, "errorInformation": deployment.error or {}}
        return {"deploymentInfo": info}
    if operation == "PutLifecycleEventHookExecutionStatus":
        _find(asked["deploymentId"], rollout).hooked = asked["status"]
        return {"lifecycleEventHookExecutionId": asked["lifecycleEventHookExecutionId"]}
    raise NotImplementedError(operation)


def _find(name: str, rollout: Rollout) -> Deployment:
    return next(each for each in rollout.deployments if each.id == name)
