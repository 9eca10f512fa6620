"""Raw HTTP requests from a grammar, right and wrong in each part; a strict reader of answers."""

import gzip
import json
import re
import socket
import zlib
from random import Random
from typing import Any, NamedTuple

from scripts.common.processes import LOOPBACK

PATHS = """
    /v1/predict / /predict /v1/models/sentiment/predict /models/sentiment
    /v2/models/sentiment/infer /v1/feedback /v1/models /v1/models/nobody/predict
    /v2 /v2/health/live /v2/health/ready /v2/models/sentiment /v2/models/sentiment/versions/1/infer
    /health/live /health/ready /metrics /docs /redoc /openapi.json /web/page.js /docs-assets/x
    /nowhere
""".split()  # noqa: SIM905
ODD_PATHS = """
    * // /. /.. /../../etc/passwd /web/..%2f..%2fserver.py /web/%2e%2e/x /%00 /%ff /%zz
    /a%0d%0ab http://x/v1/models http://[::1]:x/ https://u:p@h/ x ?q /v1/predict?text=
    /v1/predict?text=good /v1/predict?text=%ff /v1/predict?text=a&text=b
    /v1/predict?text=good&explain=1 /?a=1#b /v1/predict/ /v1//predict /v1/predict;x=1
    /V1/PREDICT /v2/models/%73entiment
""".split()  # noqa: SIM905
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
ODD_METHODS = [
    "get",
    "PURGE",
    "PRI",
    "CONNECT",
    "",
    "G T",
    "G\0T",
    "POST" * 20,
    "\u00c9",
    "M-SEARCH",
]
VERSIONS = [
    "HTTP/1.0",
    "HTTP/2.0",
    "HTTP/0.9",
    "HTTP/1.2",
    "http/1.1",
    "HTTP/1.1 ",
    "HTTP/",
    "",
    "X",
]
TYPES = ["application/json", "application/problem+json", "APPLICATION/JSON; charset=utf-8"]
ODD_TYPES = [
    "text/plain",
    "application/octet-stream",
    "",
    ";",
    "a/b, application/json",
    "\u00ff/\u00ff",
]
LENGTHS = [
    "-1",
    "+5",
    "0x10",
    "5, 5",
    "1e3",
    " ",
    "\u0665",
    "99999999999999999999",
    "4000001",
    "5;",
]
HEADERS = [
    *("X-Request-Id: \u00e9\x1b[2J", "X-Request-Id: " + "a" * 200, "Authorization: Bearer x"),
    *("Authorization: Basic \xff", "Accept: */*;q=9", "Accept-Encoding: br, *", "Cookie: a=b; a"),
    *("Origin: null", "Range: bytes=0-9999999999", "If-None-Match: *", "Expect: 100-continue"),
    *(
        "Expect: 200-ok",
        "Upgrade: websocket",
        "Upgrade: h2c\r\nConnection: Upgrade",
        "TE: trailers",
    ),
    *(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    *(
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https\0",
        "Host: other",
        "Host: [::1",
        "Host:",
    ),
    *("Inference-Header-Content-Length: 9", "Inference-Header-Content-Length: -1", "X : y", ": y"),
    *(
        "Content-Encoding: gzip",
        "Content-Encoding: br",
        "X: a\r\n folded",
        "X: \x00",
        "X\u00e9: y",
        "X",
    ),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
    ),
    *("Content-Length: 3", "Keep-Alive: timeout=999999", "Content-Type: text/html", "X: y" * 100),
]
SCALARS: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        10**400,
        1e308,
        0.5,
        "",
        " ",
        "good film",
        "bad",
        "\ud800",
        "\0",
    ),
    *(
        "a" * 500,
        "\u202e\u0301",
        "[MASK] [SEP]",
        "good " * 300,
        [],
        {},
        [[]],
        [["good"]],
        ["good", "bad"],
    ),
]
MEMBERS = """
    inputs parameters top_k explain long_text grouping cascade truncate raw_scores options id
    name shape datatype data outputs label text entities model start end function_to_apply
""".split()  # noqa: SIM905
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]*")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")

PATIENCE = 20.0  # seconds for the answer to a complete request
GLANCE = 0.1  # seconds for an answer that nobody is owed


class Request(NamedTuple):
    """The bytes of one connection; an answer is owed to a `complete` one."""

    content: bytes
    complete: bool


class WrongAnswerError(AssertionError):
    """Bytes of the server are no well-formed answers, or have a status of 5xx."""


def draw_request(draw: Random) -> Request:
    """Return a request, or several pipelined ones, or what damage makes of them."""
    count = 1 if draw.random() < 0.9 else draw.randint(2, 4)
    parts = [_one(draw, last=number == count - 1) for number in range(count)]
    content, complete = b"".join(part for part, _ in parts), all(whole for _, whole in parts)
    if draw.random() < 0.3:
        return Request(_damage(content, draw), complete=False)
    return Request(content, complete)


def _one(draw: Random, *, last: bool) -> tuple[bytes, bool]:
    """Return one request, and whether it is well-formed."""
    right = draw.random() < 0.65
    odd = 0.0 if right else 0.25

    def pick(usual: list[str], unusual: list[str]) -> str:
        return draw.choice(unusual if draw.random() < odd else usual)

    body = _body(draw)
    method = pick(["POST"] * 14 + METHODS, ODD_METHODS)
    target = draw.choice(
        PATHS[: draw.choice([7, len(PATHS)])] if draw.random() < 0.85 else ODD_PATHS
    )
    if draw.random() < odd / 20:
        target = "/" + "a" * draw.choice([255, 4096, 70_000])
    lines = [f"{method} {target} {pick(['HTTP/1.1'], VERSIONS)}"]
    if draw.random() >= odd:
        lines.append("Host: x")
    lines.append(f"Content-Type: {pick(TYPES, ODD_TYPES)}")
    if draw.random() < 0.1:
        zipped = draw.random() < 0.5
        body = gzip.compress(body, mtime=0) if zipped else zlib.compress(body)
        lines.append(f"Content-Encoding: {'gzip' if zipped else 'deflate'}")
    if draw.random() < 0.2:
        lines.append("Transfer-Encoding: chunked")
        body = _chunked(body, draw, right=right)
    elif body or draw.random() < 0.5:
        lines.append(f"Content-Length: {pick([str(len(body))], LENGTHS)}")
    lines += [draw.choice(HEADERS) for _ in range(0 if right else draw.randint(0, 3))]
    if draw.random() < odd / 10:
        lines += ["X: y"] * 150
    if last:
        lines.append("Connection: close")
    end = draw.choice(["\r\n", "\n"]) if draw.random() < odd else "\r\n"
    head = end.join([*lines, "", ""]).encode("latin-1", "replace")
    return head + body, right


def _body(draw: Random) -> bytes:
    kind = draw.random()
    if kind < 0.15:
        return b""
    if kind < 0.35:
        tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good film"]}
        tensor |= {draw.choice(MEMBERS): draw.choice(SCALARS)} if draw.random() < 0.5 else {}
        return json.dumps({"inputs": [tensor]}).encode()
    if kind < 0.5:
        return json.dumps({"inputs": draw.choice(["good film", ["bad", "good"]])}).encode()
    if kind < 0.9:
        return json.dumps(_value(draw, 3)).encode("utf-8", "surrogatepass")
    if kind < 0.97:
        return draw.randbytes(draw.randint(1, 300))
    nested = draw.choice([b"[", b'{"inputs":', b'"', b"1", b"{}", b'["",'])
    return nested * draw.choice([10, 2000, 20_000])


def _value(draw: Random, depth: int) -> object:
    kind = draw.random()
    if depth == 0 or kind < 0.3:
        return draw.choice(SCALARS)
    if kind < 0.45:
        return [_value(draw, depth - 1) for _ in range(draw.randint(0, 3))]
    names = draw.sample(MEMBERS, draw.randint(1, 4))
    names = [*names, "inputs"] if draw.random() < 0.7 else names
    return {name: _value(draw, depth - 1) for name in names}


def _chunked(body: bytes, draw: Random, *, right: bool) -> bytes:
    parts = []
    while body:
        size = draw.randint(1, len(body))
        parts.append(b"%x\r\n%s\r\n" % (size, body[:size]))
        body = body[size:]
    end = b"0\r\n\r\n"
    if not right:
        end = draw.choice(
            [end, b"0\r\nX: y\r\n\r\n", b"-1\r\n", b"0;a=b\r\n\r\n", b"fffffffff\r\n", b"0\n\n"]
        )
    return b"".join(parts) + end


def _damage(content: bytes, draw: Random) -> bytes:
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(content) + 1)
        end = start + draw.randint(1, 30)
        content = draw.choice(
            (
                content[:start] + draw.randbytes(1) + content[start + 1 :],
                content[:start] + content[end:],
                content[:end] + content[start:],
                content[:start]
                + draw.choice([b"\r\n", b"\n", b"\0", b":", b" "])
                + content[start:],
                content[:start],
            )
        )
    return content


def exchange(port: int, request: Request) -> list[int]:
    """Send a request and return the statuses of its answers; raises WrongAnswerError."""
    received, ended = b"", False
    with socket.create_connection((LOOPBACK, port), timeout=PATIENCE) as connection:
        try:
            connection.sendall(request.content)
            if not request.complete:
                connection.settimeout(GLANCE)
            while part := connection.recv(1 << 20):
                received += part
            ended = True
        except TimeoutError:
            pass
        except OSError as error:
            raise WrongAnswerError(f"{error!r} after {received[:200]!r}") from error
    bodiless = b"HEAD" in request.content
    statuses = read_answers(received, ended=ended, bodiless=bodiless)
    if request.complete and not (ended and statuses):
        raise WrongAnswerError("no answer")
    return statuses


def read_answers(received: bytes, *, ended: bool, bodiless: bool) -> list[int]:
    """Return the statuses of a connection's answers, without interim ones.

    The last answer may be cut unless the connection `ended`. Raises WrongAnswerError.

    Args:
        bodiless: An answer may be to HEAD, and then has a length and no body.
    """
    statuses: list[int] = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            _require(not ended, f"half a head: {received[:200]!r}")
            break
        line, *fields = head.split(b"\r\n")
        status = STATUS_LINE.fullmatch(line)
        _require(status is not None, f"no status line: {line[:200]!r}")
        read = [FIELD.fullmatch(field) for field in fields]
        _require(all(read), f"no fields: {fields!r}")
        headers = {each[1].lower(): each[2] for each in read if each}
        number = int(status[1]) if status else 0
        _require(100 <= number < 500, f"status {number}: {rest[:300]!r}")
        if number == 100:
            received = rest
            continue
        body, received = _split_body(headers, rest, ended=ended, bodiless=bodiless)
        if body is None:
            break
        _require(
            number < 400 or not body or b"json" in headers.get(b"content-type", b""), "no problem"
        )
        _require(number < 400 or len(body) <= 4096, f"a refusal of {len(body)} bytes")
        statuses.append(number)
    return statuses


def _split_body(
    headers: dict[bytes, bytes], rest: bytes, *, ended: bool, bodiless: bool
) -> tuple[bytes | None, bytes]:
    """Return body and what follows it; None where it has not come as a whole yet."""
    _require(b"transfer-encoding" not in headers, "a chunked answer")
    length = int(headers.get(b"content-length", b"0"))
    if bodiless and (not rest or rest.startswith(b"HTTP/1.1 ")):
        return b"", rest
    if len(rest) < length:
        _require(not ended, f"{len(rest)} of {length} bytes")
        return None, b""
    return rest[:length], rest[length:]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WrongAnswerError(otherwise)
