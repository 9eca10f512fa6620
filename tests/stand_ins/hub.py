"""A server on loopback that speaks the hub's HTTP, for the hub's own client."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from function.core.artifact import sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories by name, their refusals by name, and every request that came.

    `commit` is what every branch points at, and names the files that there are.
    """

    def __init__(self):
        self.commit = COMMIT
        self.repositories, self.refusals, self.refused_files = {}, {}, {}
        self.requests = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.answer(self)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def files_asked_for(self):
        return {path.split("/resolve/")[1].split("/", 1)[1] for path in self._paths("/resolve/")}

    def _paths(self, part):
        return [path for path in self.requests if part in path]

    def answer(self, handler):
        path = unquote(urlsplit(handler.path).path)
        self.requests.append(path)
        repository = "/".join(path.removeprefix("/api/models").split("/")[1:3])
        files = self.repositories.get(repository)
        rest = path.partition(repository)[2]
        refusal = self.refusals.get(repository)
        if "/resolve/" in path:
            refusal = refusal or self.refused_files.get(repository)
        if refusal:
            self._send(handler, *refusal)
        elif files is None:
            self._send(handler, 404, "RepoNotFound")
        elif rest.startswith("/revision/"):
            known = rest.removeprefix("/revision/") in ("main", "v2", self.commit)
            found = {
                "id": repository,
                "sha": self.commit,
                "siblings": [{"rfilename": f} for f in files],
            }
            self._send(handler, *((200, None, found) if known else (404, "RevisionNotFound")))
        elif rest == f"/tree/{self.commit}":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": sha256(content)[:40]}
                for name, content in files.items()
            ]
            self._send(handler, 200, None, entries)
        else:
            name = rest.removeprefix(f"/resolve/{self.commit}/")
            self._send(handler, 200, None, files[name])

    def _send(self, handler, status, code=None, body=b""):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        if code:
            handler.send_header("X-Error-Code", code)
        handler.send_header("X-Repo-Commit", self.commit)
        handler.send_header("ETag", f'"{sha256(content)}"')
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(content)
