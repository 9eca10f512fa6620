"""What comes back: from the emulator's text to the handler's answer, and on to an HTTP response."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from scripts.emulation.errors import InvocationError, InvocationTimeoutError

TIMEOUT_TEXT = b"Task timed out after"
# The front decides these itself.
CONNECTION_HEADERS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True)
class HttpResponse:
    """What goes back to the client; header names may repeat."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def read_answer(status: int, body: bytes) -> Any:
    """The handler's answer. The emulator says 200 to time-outs and exceptions too: read the body.

    Raises InvocationTimeoutError or InvocationError where the handler gave no answer.
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
    """An answer as API Gateway understands it in payload format 2.0.

    Raises InvocationError where API Gateway would refuse it.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpResponse(
            200, [("content-type", "application/json")], json.dumps(answer).encode()
        )
    headers = _headers(answer.get("headers") or {})
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    headers += [("set-cookie", _header_value(cookie)) for cookie in answer.get("cookies") or []]
    return HttpResponse(_status(answer["statusCode"]), headers, _body(answer))


def problem(status: int, title: str, detail: str) -> HttpResponse:
    """An error of the front itself, in the form that the service gives its own."""
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


def _body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body") or ""
    if not isinstance(body, str):
        raise InvocationError(f"The handler's body is {type(body).__name__}, not a string.")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvocationError(f"The handler's body is not base64: {error}") from error
