"""The endpoints of AWS that a deployment's hooks call, on loopback.

They replace moto, whose Lambda needs Docker and whose CodeDeploy knows no hooks; boto3 calls them
over HTTP as it calls AWS.
"""

import asyncio
from collections.abc import Callable
from http.server import HTTPServer
from typing import Any
from urllib.parse import unquote

from tests.stand_ins.codedeploy import CodeDeploy
from tests.stand_ins.json_server import LOOPBACK, JsonRequests

Invoke = Callable[[str, Any], Any]


class LambdaApiError(Exception):
    """Refusal of Lambda's API to invoke a function. Its only argument is AWS's error code."""


class AwsEndpoints(HTTPServer):
    """Lambda's Invoke, CodeDeploy, and the address where CloudFormation waits for replies.

    Args:
        invoke: Takes the ARN of a version and an event, and returns the function's response.

    Attributes:
        replies: Replies of custom resources to CloudFormation, oldest first.
    """

    def __init__(self, invoke: Invoke) -> None:
        super().__init__((LOOPBACK, 0), _Requests)
        self.invoke = invoke
        self.codedeploy = CodeDeploy()
        self.replies: list[dict[str, Any]] = []

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve in a thread that has an event loop, as the main thread of a Lambda has."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        super().serve_forever(poll_interval)
        loop.close()


class _Requests(JsonRequests):
    server: AwsEndpoints

    def respond(self, method: str, document: Any) -> None:
        if method == "PUT":
            assert self.headers["content-type"] == "", "S3 counts it into the signature"
            self.server.replies.append(document)
            self.answer({})
            return
        service, _, operation = self.headers.get("X-Amz-Target", "").rpartition(".")
        if service.startswith("CodeDeploy"):
            self.answer(self.server.codedeploy.answer(operation, document))
            return
        _, _, arn, end = unquote(self.path).removeprefix("/").split("/")
        assert end == "invocations", self.path
        self._invoke(arn, document)

    def _invoke(self, arn: str, event: Any) -> None:
        try:
            self.answer(self.server.invoke(arn, event))
        except LambdaApiError as error:
            self.answer({"message": "not yet"}, 400, {"X-Amzn-ErrorType": str(error)})
        except Exception as error:  # Lambda reports an exception of the function like this
            failure = {"errorMessage": str(error), "errorType": type(error).__name__}
            self.answer(failure, headers={"X-Amz-Function-Error": "Unhandled"})
