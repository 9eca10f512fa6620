"""Report the models that the gate refused, on the job's page and once each as an issue.

Reads a folder of results of `scripts.refresh`. Ends with 1, after reporting the others, where a
model has no verdict: a refresh that failed is no refusal. GITHUB_TOKEN, of a job that may write
issues, opens them. Needs only the standard library.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from scripts.common.command_line import add_to_summary, command_parser, run
from scripts.common.errors import CommandError
from scripts.common.github import call_github, job_repository, list_github
from scripts.gate.outcome import GateOutcome
from scripts.workflow.refresh_results import read_report, read_results

REFUSALS = (GateOutcome.REFUSED, GateOutcome.UNDERPOWERED)
AGAIN = (
    "To have it judged again, run the workflow 'refresh-model' by hand with 'model' and 'retry'."
)
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
    address = _open_once(title, page, _mark(result))
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


def _open_once(title: str, body: str, mark: str) -> str | None:
    """Open an issue and return its address; None if one with the same mark exists, even closed.

    `mark` is a word for this subject alone; it is not shown. Raises UsageError outside of a job,
    CommandError if GitHub cannot be reached or refuses.
    """
    issues, hidden = f"{job_repository('GITHUB_TOKEN')}/issues", f"<!-- {mark} -->"
    newest = list_github(issues, state="all", sort="created", direction="desc")
    if any(str(issue.get("body") or "").startswith(hidden) for issue in newest):
        return None
    room = MOST_CHARACTERS - len(hidden) - len(CUT) - 1
    short = body if len(body) <= room else body[:room] + CUT
    made = call_github(issues, {"title": title, "body": f"{hidden}\n{short}"})
    return str(made["html_url"])


if __name__ == "__main__":
    run(main)
