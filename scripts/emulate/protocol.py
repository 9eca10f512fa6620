"""The formats between a client, API Gateway, Lambda and a handler.

    HttpRequest --> http_api_event --> handler --> read_answer --> to_http --> HttpResponse

Events and answers have payload format 2.0 of HTTP APIs. Where a handler gives no answer, an error
says why and has the HTTP status that API Gateway would send.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from scripts.common.errors import CommandError

# The media types that HTTP APIs pass on as text. All others arrive base64-encoded, forms and
# bodies without a type among them.
TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
TIMEOUT_TEXT = b"Task timed out after"
# The HTTP server sets these itself.
CONNECTION_HEADERS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"}
)


class InvocationError(CommandError):
    """The handler raised, exited, could not be imported, or answered what is no HTTP response."""

    http_status = 502


class InvocationTimeoutError(InvocationError):
    """The handler took longer than its time-out; its process was killed, as on Lambda."""

    http_status = 504


class EventTooLargeError(InvocationError):
    """The event is above what Lambda takes in one synchronous call; it was not sent."""

    http_status = 413


@dataclass(frozen=True)
class HttpRequest:
    """A client's request; `target` is the request line's: path and query, still encoded."""

    method: str
    target: str
    protocol: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source: str
    port: int


def http_api_event(request: HttpRequest) -> dict[str, Any]:
    """Return the event for a `$default` route on a `$default` stage."""
    path, _, query = request.target.partition("?")
    # HTTP APIs decode the path, unlike REST APIs and function URLs; the query stays as it came.
    path = unquote(path)
    headers, cookies = _headers_and_cookies(request)
    body, encoded = _body(request.body, headers)
    now = datetime.now(UTC)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": encoded,
    }
    # API Gateway leaves out what is empty.
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _join_values(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"] = body
    return event


def _headers_and_cookies(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    pairs = [(name.lower(), value.strip()) for name, value in request.headers]
    cookies = [
        cookie.strip()
        for name, value in pairs
        if name == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]
    hop_by_hop = {"cookie", "connection", "keep-alive", "transfer-encoding", "expect"}
    headers = _join_values([(name, value) for name, value in pairs if name not in hop_by_hop])
    headers |= {
        "content-length": str(len(request.body)),
        "x-forwarded-for": request.source,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": "http",
    }
    return headers, cookies


def _join_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = media_type.startswith("text/") or media_type in TEXT_TYPES
    if is_text and "content-encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            # Text by its label only: as text it would reach the handler altered.
            pass
    return (base64.b64encode(body).decode(), True) if body else ("", False)


@dataclass(frozen=True)
class HttpResponse:
    """A response to the client; header names may repeat."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def read_answer(status: int, body: bytes) -> Any:
    """Return the handler's answer, out of the emulator's.

    The emulator answers 200 to time-outs and exceptions too: the body distinguishes them. Raises
    InvocationTimeoutError or InvocationError if the handler gave no answer.
    """
    if body.startswith(TIMEOUT_TEXT):
        raise InvocationTimeoutError(body.decode(errors="replace"))
    try:
        answer = json.loads(body)
    except ValueError:
        text = body[:500].decode(errors="replace")
        raise InvocationError(f"The emulator answered {status}: {text!r}") from None
    if isinstance(answer, dict) and "errorMessage" in answer:
        raise InvocationError(f"{answer.get('errorType', 'Error')}: {answer['errorMessage']}")
    if status != 200:
        raise InvocationError(f"The emulator answered {status}: {answer!r}")
    return answer


def to_http(answer: Any) -> HttpResponse:
    """Return API Gateway's response to an answer; raise InvocationError if it would refuse it."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpResponse(
            200, [("content-type", "application/json")], json.dumps(answer).encode()
        )
    headers = _headers(answer.get("headers") or {})
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    headers += [("set-cookie", _header_value(cookie)) for cookie in answer.get("cookies") or []]
    return HttpResponse(_status(answer["statusCode"]), headers, _answer_body(answer))


def gateway_problem(status: int, title: str, detail: str) -> HttpResponse:
    """Return an error of the gateway itself, in the form that the service gives its own."""
    members = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body = json.dumps({**members, "error": detail}).encode()
    return HttpResponse(status, [("content-type", "application/problem+json")], body)


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise InvocationError(f"The handler answered the statusCode {value!r}.")
    return status


def _headers(headers: Any) -> list[tuple[str, str]]:
    if not isinstance(headers, dict):
        raise InvocationError(f"The handler's headers are no object: {headers!r}")
    return [
        (str(name), _header_value(value))
        for name, value in headers.items()
        if str(name).lower() not in CONNECTION_HEADERS
    ]


def _header_value(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text or not text.isascii():
        raise InvocationError(f"The handler answered a header value that HTTP forbids: {text!r}")
    return text


def _answer_body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body") or ""
    if not isinstance(body, str):
        raise InvocationError(f"The handler's body is {type(body).__name__}, not a string.")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvocationError(f"The handler's body is not base64: {error}") from error
