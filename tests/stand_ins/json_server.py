"""HTTP servers on loopback that read and answer JSON."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"


class JsonRequests(BaseHTTPRequestHandler):
    """Request handler that reads and answers JSON documents, and logs nothing."""

    def respond(self, method: str, document: Any) -> None:
        """Answer one request. document: its body; None of a GET."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.respond("GET", None)

    def do_POST(self) -> None:
        self.respond("POST", self._read())

    def do_PUT(self) -> None:
        self.respond("PUT", self._read())

    def _read(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def answer(
        self, document: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def url(server: HTTPServer) -> str:
    """Return the address of a server."""
    return f"http://{LOOPBACK}:{server.server_port}"


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Serve in a thread until the block ends; yield the address."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield url(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
