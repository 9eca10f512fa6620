"""GitHub's REST API."""

import json
import os
import urllib.error
import urllib.request
from typing import Any

from scripts.common.errors import CommandError, NotFoundError

SECONDS = 20
JSON = "application/vnd.github+json"


def call_github(path: str, document: object = None, method: str | None = None) -> Any:
    """Return GitHub's answer below `repos/`, to a POST where there is a document and no method.

    A token comes from GITHUB_TOKEN or GH_TOKEN, the address of an enterprise's server from
    GITHUB_API_URL. Raises NotFoundError for 404 where there is a token, else CommandError.
    """
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    headers = {"accept": JSON, "content-type": "application/json"}
    request = urllib.request.Request(  # noqa: S310 -- GitHub's, or its enterprise server's
        f"{api}/repos/{path}",
        data=None if document is None else json.dumps(document).encode(),
        headers=headers | ({"authorization": f"Bearer {token}"} if token else {}),
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 404 and token:
            raise NotFoundError(f"{path}: not there") from error
        advice = "" if token else "; a private repository wants GITHUB_TOKEN=$(gh auth token)"
        answer = error.read(500).decode(errors="replace")
        raise CommandError(f"GitHub answers {error.code} for {path}{advice}: {answer}") from error
    except (OSError, ValueError) as error:
        raise CommandError(f"GitHub cannot be reached: {error}") from error
