"""GitHub's REST API."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from scripts.common.errors import CommandError, NotFoundError, UsageError

SECONDS = 20
PAGE, PAGES = 100, 10  # the newest thousand entries of a list
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


def list_github(path: str, **query: str) -> Iterator[Any]:
    """Yield the entries of a list below `repos/`, page by page. Raises as `call_github` does."""
    for page in range(1, PAGES + 1):
        found = call_github(f"{path}?{urlencode(query | {'per_page': PAGE, 'page': page})}")
        yield from found
        if len(found) < PAGE:
            break


def job_repository(*needed: str) -> str:
    """Return OWNER/NAME of the job's repository.

    Raises UsageError outside of a job, and where another variable that is `needed` is not set.
    """
    for variable in ("GITHUB_REPOSITORY", *needed):
        if not os.environ.get(variable):
            raise UsageError(f"{variable} is not set: this is for jobs on GitHub")
    return os.environ["GITHUB_REPOSITORY"]
