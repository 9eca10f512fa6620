"""Report the models that the gate refused, on the job's page and once each as an issue.

Reads a folder of results of `scripts.refresh`. Ends with 1, after reporting the others, where a
model has no verdict: a refresh that failed is no refusal. GITHUB_TOKEN, of a job that may write
issues, opens them. Needs only the standard library.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from scripts.common.command_line import add_to_summary, command_parser, run
from scripts.common.errors import CommandError, UsageError
from scripts.common.github import call_github
from scripts.gate.outcome import GateOutcome
from scripts.workflow.refresh_results import read_report, read_results

REFUSALS = (GateOutcome.REFUSED, GateOutcome.UNDERPOWERED)
AGAIN = (
    "To have it judged again, run the workflow 'refresh-model' by hand with 'model' and 'retry'."
)
PAGE, PAGES = 100, 10  # the newest thousand: an older refusal may be reported again
MOST_CHARACTERS = 60_000  # of 65,536 that an issue takes
CUT = "\n\n(The rest was too long for an issue.)"


def main() -> None:
    parser = command_parser("scripts.workflow.report_refused", __doc__)
    parser.add_argument(
        "--judged", type=Path, required=True, metavar="DIR", help="a MODEL.json and MODEL.md each"
    )
    parser.add_argument(
        "--expected",
        type=json.loads,
        required=True,
        metavar="JSON",
        help="models that must have a result, as scripts.workflow.check_updates printed them",
    )
    arguments = parser.parse_args()
    results = read_results(arguments.judged)
    for result in results.values():
        if result["decided"] and result["verdict"] in REFUSALS:
            _report(result, read_report(arguments.judged, result["model"]))
    expected = [each["model"] for each in arguments.expected]
    if failed := [model for model in expected if model not in results]:
        raise CommandError(f"{', '.join(failed)}: no verdict, the refresh broke; see its job")


def _report(result: dict[str, Any], report: str) -> None:
    outcome = "refused" if result["verdict"] == GateOutcome.REFUSED else "not proved to be as good"
    title = f"{result['model']}: {result['version']} was {outcome}"
    page = _page(title, result, report)
    add_to_summary(page)
    address = _job_issues().open_once(title, page, _mark(result))
    print(f"{title}; {address or 'there is an issue about that already'}")


def _page(title: str, result: dict[str, Any], report: str) -> str:
    paragraphs = [
        f"# {title}",
        f"It came from `{result['source']}`, revision `{result['revision']}`. "
        f"In production stays {result['previous'] or 'nothing'}.",
        "\n".join(f"- {reason}" for reason in result["reasons"]),
        AGAIN,
    ]
    text = "\n\n".join(paragraphs + [report] * bool(report))
    # GitHub notifies everyone whom a text of the golden set seems to mention.
    return text.replace("@", "@\N{WORD JOINER}")


def _mark(result: dict[str, Any]) -> str:
    """Return a mark that is the same for the same candidate and reasons, at any time."""
    reported = [result[name] for name in ("model", "source", "revision", "version", "reasons")]
    return f"refused-{hashlib.sha256(json.dumps(reported).encode()).hexdigest()[:16]}"


class Issues:
    """Issues of one repository, OWNER/NAME, by GitHub's REST API."""

    def __init__(self, repository: str) -> None:
        self._path = f"{repository}/issues"

    def open_once(self, title: str, body: str, mark: str) -> str | None:
        """Open an issue and return its address; None if one with the same mark exists, even closed.

        `mark` is a word for this subject alone; it is not shown. Raises CommandError if GitHub
        cannot be reached or refuses.
        """
        hidden = f"<!-- {mark} -->"
        if self._marked(hidden):
            return None
        room = MOST_CHARACTERS - len(hidden) - len(CUT) - 1
        short = body if len(body) <= room else body[:room] + CUT
        made = call_github(self._path, {"title": title, "body": f"{hidden}\n{short}"})
        return str(made["html_url"])

    def _marked(self, hidden: str) -> bool:
        for page in range(1, PAGES + 1):
            query = f"?state=all&sort=created&direction=desc&per_page={PAGE}&page={page}"
            found = call_github(self._path + query)
            if any(str(issue.get("body") or "").startswith(hidden) for issue in found):
                return True
            if len(found) < PAGE:
                break
        return False


def _job_issues() -> Issues:
    """Return the issues of the job's repository. Raises UsageError outside of a job."""
    for variable in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        if not os.environ.get(variable):
            raise UsageError(f"{variable} is not set: this is for jobs on GitHub")
    return Issues(os.environ["GITHUB_REPOSITORY"])


if __name__ == "__main__":
    run(main)
