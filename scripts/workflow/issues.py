"""Issues of the repository on GitHub, by its REST API."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from scripts.common.errors import CommandError, UsageError

SECONDS = 20
PAGE, PAGES = 100, 10  # the newest thousand: what was refused longer ago may be told again
MOST_CHARACTERS = 60_000  # of 65,536 that an issue takes
CUT = "\n\n(The rest was too long for an issue.)"


class Issues:
    """Those of one repository, under the token of the job."""

    def __init__(self, repository: str, token: str, api: str) -> None:
        """repository: OWNER/NAME. api: GitHub's address, or that of an enterprise's own."""
        self._url, self._token = f"{api}/repos/{repository}/issues", token

    def open_once(self, title: str, body: str, mark: str) -> str | None:
        """Open an issue; its address. None where one with the same mark is there, open or closed.

        mark: a word that no other matter has; it is not shown. Raises CommandError.
        """
        hidden = f"<!-- {mark} -->"
        if self._marked(hidden):
            return None
        room = MOST_CHARACTERS - len(hidden) - len(CUT) - 1
        short = body if len(body) <= room else body[:room] + CUT
        made = self._call("", {"title": title, "body": f"{hidden}\n{short}"})
        return str(made["html_url"])

    def _marked(self, hidden: str) -> bool:
        for page in range(1, PAGES + 1):
            query = f"?state=all&sort=created&direction=desc&per_page={PAGE}&page={page}"
            found = self._call(query)
            if any(str(issue.get("body") or "").startswith(hidden) for issue in found):
                return True
            if len(found) < PAGE:
                break
        return False

    def _call(self, query: str, document: dict[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 -- GitHub's, or its enterprise server's
            self._url + query,
            data=None if document is None else json.dumps(document).encode(),
            headers={
                "accept": "application/vnd.github+json",
                "authorization": f"Bearer {self._token}",
                "content-type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace")
            raise CommandError(f"GitHub answers {error.code} for issues: {said}") from error
        except (OSError, ValueError) as error:
            raise CommandError(f"GitHub cannot be asked for issues: {error}") from error


def issues_of_this_job() -> Issues:
    """The repository's that the job runs in. Raises UsageError outside of a job."""
    try:
        repository, token = os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"]
    except KeyError as error:
        raise UsageError(f"{error.args[0]} is not set: this is for jobs on GitHub") from error
    return Issues(repository, token, os.environ.get("GITHUB_API_URL", "https://api.github.com"))


def read_judged(folder: Path) -> dict[str, dict[str, Any]]:
    """What happened, by model. One whose refresh broke is not among them."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {happened["model"]: happened for happened in found}


def read_report(folder: Path, model: str) -> str:
    """The gate's report; empty where the gate was not asked."""
    path = folder / f"{model}.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""
