"""Events that invoke the function, as HTTP requests in the forms that Mangum reads.

event of a gateway, load balancer or function URL ──> the same, without what Mangum cannot read
{"inputs": ...}, a direct invocation              ──> POST /v1/predict
anything else                                     ──> InputError
"""

import base64
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.problems import problem
from function.core.errors import InputError

Event = dict[str, Any]

# No route reads these, and Mangum fails if a port in them is no number.
UNREAD = {"host", "x-forwarded-port"}
DEFAULT_ENDPOINT = ".execute-api."  # of a gateway, whose paths begin with the stage
BINARY = "application/octet-stream"  # of Triton's tensors
MAX_ANSWER_BYTES = 6_000_000  # of JSON; Lambda fails above 6 MB, headers included


def read_event(event: object) -> Event:
    """Return an event as one that Mangum can read; raises InputError for what is no request."""
    if not isinstance(event, dict):
        raise InputError("this event is no object: send an HTTP request, or inputs")
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return _direct(event)
    read = {
        **event,
        "headers": _headers(event.get("headers")),
        "cookies": None,
        "body": _body(event),
        "isBase64Encoded": False,
        "requestContext": {**context, "identity": _members(context.get("identity"))},
    }
    for name, clean in (
        ("multiValueHeaders", _headers),
        ("queryStringParameters", _members),
        ("multiValueQueryStringParameters", _members),
    ):
        read.pop(name, None)
        if isinstance(event.get(name), dict):
            read[name] = clean(event[name])
    if event.get("version") == "2.0":
        line = read["requestContext"]["http"] = {"sourceIp": "", **_members(context.get("http"))}
        method = line.get("method")
    else:
        line, method = read, read.get("httpMethod")
    if not (isinstance(method, str) and isinstance(line.get("path"), str)):
        raise InputError("this event is no HTTP request: it names no method or no path")
    if "version" in event:  # the paths of REST APIs and load balancers have no stage
        line["path"] = _without_stage(line["path"], context)
    return read


class AnswerLimitMiddleware:
    """Middleware that answers 413 in place of an answer that Lambda would not deliver.

    It expects that a response's body comes in one message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[Message] = []

        async def limited(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            elif _delivered_bytes(message["body"], started[0]) > MAX_ANSWER_BYTES:
                detail = "the answer exceeds Lambda's 6 MB: send fewer texts, or a smaller top_k"
                await problem(413, detail)(scope, receive, send)
            else:
                await send(started.pop())
                await send(message)

        await self._app(scope, receive, limited)


def _delivered_bytes(body: bytes, start: Message) -> int:
    """Return the bytes of a body in the function's answer: a string of JSON, or base64."""
    if len(body) < MAX_ANSWER_BYTES // 6:  # JSON takes at most six bytes for one
        return len(body)
    if Headers(raw=start["headers"]).get("content-type") == BINARY:
        return len(body) * 4 // 3
    return len(json.dumps(body.decode(errors="replace")))


def _direct(event: Event) -> Event:
    """Return the request that a direct invocation stands for; its `headers` may hold a key."""
    if "inputs" not in event:
        raise InputError(
            'this event is no HTTP request: send one, or {"inputs": ...} as to /v1/predict'
        )
    body = {name: value for name, value in event.items() if name != "headers"}
    return {
        "version": "2.0",
        "headers": {**_headers(event.get("headers")), "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/v1/predict", "sourceIp": ""}},
        "body": json.dumps(body),
    }


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    try:
        return (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError("the event's body is no text, or no base64") from error


def _headers(given: object) -> dict[str, Any]:
    lower = {str(name).lower(): value for name, value in _members(given).items()}
    return {name: value for name, value in lower.items() if name not in UNREAD}


def _members(given: object) -> dict[str, Any]:
    """Return the members of an object that are text, or lists of it."""
    return {
        name: value
        for name, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    }


def _without_stage(path: str, context: Event) -> str:
    """Remove the stage from a path of an HTTP API: routes do not expect it.

    The paths of a custom domain do not have it.
    """
    stage = f"/{context.get('stage', '$default')}"
    domain = context.get("domainName", DEFAULT_ENDPOINT)
    if DEFAULT_ENDPOINT in str(domain) and (path == stage or path.startswith(f"{stage}/")):
        path = path.removeprefix(stage)
    return path or "/"
