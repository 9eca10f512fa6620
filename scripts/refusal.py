"""Tell people that the gate refused a model: on the job's page, and once as an issue.

Takes what `scripts.refresh` wrote. Ends with 1 where that is no refusal, so that a refresh which
broke is not taken for one. GITHUB_TOKEN, of a job that may write issues, opens the issue.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from scripts.commandline import run
from scripts.lifecycle.errors import CommandError
from scripts.workflow.issues import issues_of_this_job
from scripts.workflow.summary import add_to_summary

REFUSALS = ("refused", "underpowered")
AGAIN = "To have it judged again, run the workflow 'refresh-model' by hand with 'retry'."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.refusal", description=__doc__)
    parser.add_argument("--happened", type=Path, required=True, help="what --json of it wrote")
    parser.add_argument("--report", type=Path, required=True, help="what --report of it wrote")
    arguments = parser.parse_args()
    refused = _read(arguments.happened)
    page = _page(refused, arguments.report)
    add_to_summary(page)
    title = f"{refused['model']}: {refused['version']} was {_in_words(refused['verdict'])}"
    address = issues_of_this_job().open_once(title, page, _mark(refused))
    print(f"{title}; {address or 'there is an issue about that already'}")


def _read(path: Path) -> dict[str, Any]:
    """What happened. Raises CommandError where the gate did not refuse."""
    if not path.exists():
        raise CommandError("the refresh broke before it came to a verdict; see its step")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document["verdict"] not in REFUSALS or not document["decided"]:
        raise CommandError(f"the refresh failed, and not for its verdict: {document['verdict']}")
    return document


def _page(refused: dict[str, Any], report: Path) -> str:
    champion = refused["previous"] or "nothing"
    head = [
        f"# {refused['model']}: {refused['version']} was {_in_words(refused['verdict'])}",
        f"It came from `{refused['source']}`, revision `{refused['revision']}`. "
        f"In production stays {champion}.",
        "\n".join(f"- {reason}" for reason in refused["reasons"]),
        AGAIN,
    ]
    told = [report.read_text(encoding="utf-8")] if report.exists() else []
    return _unmentioned("\n\n".join(head + told))


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
