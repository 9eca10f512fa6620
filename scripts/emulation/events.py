"""What goes in: an HTTP request as API Gateway's HTTP API hands it to a function, format 2.0."""

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

# The media types that HTTP APIs hand over as text. All others arrive base64-encoded, forms and
# bodies without a type among them.
TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})


@dataclass(frozen=True)
class HttpRequest:
    """What came from the client. `target` is the request line's: path and query, still encoded."""

    method: str
    target: str
    protocol: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source: str
    port: int


def http_api_event(request: HttpRequest) -> dict[str, Any]:
    """The event for a `$default` route on a `$default` stage."""
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
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
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
    headers = _joined([(name, value) for name, value in pairs if name not in hop_by_hop])
    headers |= {
        "content-length": str(len(request.body)),
        "x-forwarded-for": request.source,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": "http",
    }
    return headers, cookies


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
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
