"""HTTP client that a smoke test runs inside a container, with the image's own Python.

`python3 - REQUESTS` takes a JSON list of requests; without it each line of stdin is one. A request
is `[path, body]`, and a GET where the body is null. Prints `[status, body]` for each, one a line.
Waits until the program on port 8080 is ready. Status 0 stands for no answer.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence

ADDRESS = "http://127.0.0.1:8080"
HEADERS = {"content-type": "application/json"}
SECONDS, PAUSE_SECONDS = 120, 0.1


def send(path: str, body: str | None) -> tuple[int, str]:
    """Send one request; return status and body."""
    content = None if body is None else body.encode()
    request = urllib.request.Request(ADDRESS + path, content, HEADERS)  # noqa: S310 -- loopback
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def main() -> None:
    arguments = sys.argv[1:]
    requests: Iterable[Sequence[str | None]]
    requests = json.loads(arguments[0]) if arguments else map(json.loads, sys.stdin)
    deadline = time.monotonic() + SECONDS
    for path, body in requests:
        response = send(str(path), body)
        while response[0] in (0, 503) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
            response = send(str(path), body)
        print(json.dumps(response), flush=True)


if __name__ == "__main__":
    main()
