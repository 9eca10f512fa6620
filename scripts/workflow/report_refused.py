"""Tell people which models the gate refused: on the job's page, and once each as an issue.

Takes a folder of what `scripts.refresh` wrote of each model. Ends with 1 where one came to no
verdict, once the others were told: a refresh that broke is not taken for a refusal. GITHUB_TOKEN,
of a job that may write issues, opens them. Needs nothing that has to be installed.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from scripts.common.command_line import add_to_summary, run
from scripts.common.errors import CommandError
from scripts.workflow.issues import issues_of_this_job, read_judged, read_report

REFUSALS = ("refused", "underpowered")
AGAIN = (
    "To have it judged again, run the workflow 'refresh-model' by hand with 'model' and 'retry'."
)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.workflow.report_refused", description=__doc__
    )
    parser.add_argument(
        "--judged", type=Path, required=True, metavar="DIR", help="MODEL.json and MODEL.md of each"
    )
    parser.add_argument(
        "--expected",
        required=True,
        metavar="JSON",
        help="models to be there, as scripts.workflow.check_updates says",
    )
    arguments = parser.parse_args()
    judged = read_judged(arguments.judged)
    for happened in judged.values():
        if happened["decided"] and happened["verdict"] in REFUSALS:
            _tell(happened, read_report(arguments.judged, happened["model"]))
    expected = [each["model"] for each in json.loads(arguments.expected)]
    if broke := [model for model in expected if model not in judged]:
        raise CommandError(f"{', '.join(broke)}: no verdict, the refresh broke; see its job")


def _tell(refused: dict[str, Any], report: str) -> None:
    page = _page(refused, report)
    add_to_summary(page)
    title = f"{refused['model']}: {refused['version']} was {_in_words(refused['verdict'])}"
    address = issues_of_this_job().open_once(title, page, _mark(refused))
    print(f"{title}; {address or 'there is an issue about that already'}")


def _page(refused: dict[str, Any], report: str) -> str:
    champion = refused["previous"] or "nothing"
    head = [
        f"# {refused['model']}: {refused['version']} was {_in_words(refused['verdict'])}",
        f"It came from `{refused['source']}`, revision `{refused['revision']}`. "
        f"In production stays {champion}.",
        "\n".join(f"- {reason}" for reason in refused["reasons"]),
        AGAIN,
    ]
    return _unmentioned("\n\n".join(head + [report] * bool(report)))


def _in_words(verdict: str) -> str:
    return "refused" if verdict == "refused" else "not proved to be as good"


def _unmentioned(text: str) -> str:
    """Texts of a golden set may hold what GitHub takes for people, who would all be told."""
    return text.replace("@", "@\N{WORD JOINER}")


def _mark(refused: dict[str, Any]) -> str:
    """The same for the same candidate and reasons, whenever it was judged."""
    told = [refused[name] for name in ("model", "source", "revision", "version", "reasons")]
    return f"refused-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}"


if __name__ == "__main__":
    run(main)
