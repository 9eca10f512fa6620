"""Request bodies: limited, decompressed and of a known type before any route sees them.

bytes ──> declared size ──> encoding ──> decompressed under the limit ──> known media type
              │413             │415                │400, 413                    │415
"""

import zlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.problems import problem
from function.core.errors import shorten

BODYLESS = {"GET", "HEAD", "OPTIONS", "DELETE"}
WINDOW_BITS = {"gzip": 31, "deflate": 15, "identity": 0, "": 0}
# Header with the length of the JSON in bytes, if tensors follow it.
JSON_LENGTH = "inference-header-content-length"
TENSOR_PATHS = "/v2/"
JSON = "application/json"


class _RefusedError(Exception):
    """The body is refused, with an HTTP status and a detail that says what to send."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class BodyMiddleware:
    """Middleware that reads the whole body and passes on plain bytes under the limit.

    The body is JSON, followed by tensors if the route accepts them.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app, self._limit = app, limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in BODYLESS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            media_type = _media_type(
                headers, scope["path"].removeprefix(scope.get("root_path", ""))
            )
            body = await self._read(headers, receive)
        except _RefusedError as refused:
            await problem(refused.status, refused.detail)(scope, receive, send)
            return
        scope["headers"] = [
            (name, value)
            for name, value in scope["headers"]
            if name not in (b"content-encoding", b"content-length", b"content-type")
        ] + [
            (b"content-length", str(len(body)).encode()),
            (b"content-type", media_type.encode()),
        ]
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in WINDOW_BITS:
            raise _RefusedError(
                415, f"content encoding '{shorten(encoding)}': send gzip, deflate or none"
            )
        if headers.get("content-length", "0").isdecimal():
            self._check(int(headers.get("content-length", "0")))
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _RefusedError(400, "the connection ended before the body did")
            body += message.get("body", b"")
            self._check(len(body))
            more = message.get("more_body", False)
        bits = WINDOW_BITS[encoding]
        return self._decompress(bytes(body), bits) if bits else bytes(body)

    def _decompress(self, body: bytes, window_bits: int) -> bytes:
        stream = zlib.decompressobj(window_bits)
        try:
            plain = stream.decompress(body, self._limit + 1)
        except zlib.error as error:
            raise _RefusedError(400, f"the body cannot be decompressed: {error}") from error
        self._check(len(plain))
        if not stream.eof:
            raise _RefusedError(400, "the compressed body ends too early")
        if stream.unused_data:
            raise _RefusedError(400, "something follows the compressed body: send one stream")
        return plain

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise _RefusedError(
                413, f"the body is too large: send at most {self._limit} bytes at a time"
            )


def _media_type(headers: Headers, path: str) -> str:
    """Return the body's media type; gateways join headers that are sent twice."""
    given = ",".join(headers.getlist("content-type")) or JSON
    media_types = {part.partition(";")[0].strip().lower() for part in given.split(",")}
    media_type = media_types.pop() if len(media_types) == 1 else ""
    given = shorten(given.partition(";")[0].strip())
    if media_type == JSON or media_type.endswith("+json"):
        return media_type
    if not path.startswith(TENSOR_PATHS):
        raise _RefusedError(415, f"content type '{given}': send application/json")
    if media_type != "application/octet-stream" or JSON_LENGTH not in headers:
        raise _RefusedError(
            415,
            f"content type '{given}': send application/json, or application/octet-stream with "
            f"{JSON_LENGTH}",
        )
    return media_type


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
