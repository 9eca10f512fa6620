"""Write the one comment of a pull request about its preview, or write it again.

Reads what earlier jobs left in a folder: `figures.json` of scripts.workflow.measure_served and
`diff.txt` of scripts.workflow.template_diff. A job that failed left none. GITHUB_TOKEN lets it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.common.command_line import add_to_summary, run, stage_parser
from scripts.common.github import call_github, job_repository, list_github
from scripts.common.markdown import markdown_table

MARK = "<!-- preview -->"
MOST_CHARACTERS = 50_000  # of the diff; a comment takes 65,536
COST = (
    "It costs about two cents a day (warm-up calls, two alarms, some logs) and is deleted when "
    "this pull request is merged or closed. Anybody who has the address may call it, twice a "
    "second."
)
STATES = {
    "success": "",
    "failure": "The last commit could not be deployed: its job says why.",
    "cancelled": "The deployment was cancelled.",
    "skipped": "Nothing was deployed.",
}


def main() -> None:
    parser = stage_parser(
        "scripts.workflow.comment_preview", __doc__, stages="pr-N, of pull request N"
    )
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--url", default="", help="where it answers")
    parser.add_argument("--deployed", choices=["", *STATES], default="", help="the job's result")
    parser.add_argument("--destroyed", choices=["", *STATES], default="", help="likewise")
    arguments = parser.parse_args()
    page = compose(
        arguments.stage,
        arguments.folder,
        url=arguments.url,
        deployed=arguments.deployed,
        destroyed=arguments.destroyed,
    )
    add_to_summary(page)
    print(_write(arguments.stage.removeprefix("pr-"), f"{MARK}\n{page}"))


def compose(
    stage: str, folder: Path, *, url: str = "", deployed: str = "", destroyed: str = ""
) -> str:
    """Return the comment. `deployed` and `destroyed` are results of jobs; empty where none ran."""
    title = f"### Preview `{stage}`"
    if destroyed == "success":
        return f"{title}\n\nIt was deleted; nothing of it is left, and it costs nothing.\n"
    if destroyed in ("failure", "cancelled"):
        return f"{title}\n\nIt could not be deleted yet: the sweep tries again every six hours.\n"
    paragraphs = [title]
    if deployed == "success":
        paragraphs.append(f"<{url}> answers by this commit, merged with the branch it is for.")
    else:
        paragraphs.append(STATES[deployed or "skipped"])
    paragraphs += [COST, _figures(folder / "figures.json"), _diff(folder / "diff.txt")]
    return "\n\n".join(each for each in paragraphs if each) + "\n"


def _figures(file: Path) -> str:
    if not file.exists():
        return ""
    measured: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    rows = [
        (
            f"`{model}`",
            str(each["version"]),
            f"{each['texts']:,}",
            str(each["measure"]),
            f"{each['figures'][each['measure']]:.4f}",
        )
        for model, each in sorted(measured.items())
    ]
    if not rows:
        return "No model that it serves has a golden set."
    head = ("model", "version", "golden texts", "measure", "as served")
    return markdown_table(head, rows)


def _diff(file: Path) -> str:
    if not file.exists():
        return ""
    text = file.read_text(encoding="utf-8").strip()
    changed = len(re.findall(r"^Stack ", text, re.MULTILINE))
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}\n(The rest is in the job's log.)"
    # Longer than any in the text, so that nothing in it ends the block.
    fence = "`" * max(3, *(len(each) + 1 for each in re.findall("`+", text)), 3)
    title = f"<code>cdk diff</code> against the base: {changed or 'no'} stack{'s' * (changed != 1)}"
    return f"<details><summary>{title}</summary>\n\n{fence}\n{text}\n{fence}\n\n</details>"


def _write(number: str, body: str) -> str:
    """Create the comment, or replace it where there is one; return its address."""
    issues = f"{job_repository('GITHUB_TOKEN')}/issues"
    comments = f"{issues}/{number}/comments"
    existing = next(filter(_is_ours, list_github(comments)), None)
    if existing is None:
        made = call_github(comments, {"body": body})
    else:
        made = call_github(f"{issues}/comments/{existing['id']}", {"body": body}, "PATCH")
    return str(made["html_url"])


def _is_ours(comment: Mapping[str, Any]) -> bool:
    by_bot = comment.get("user", {}).get("type") == "Bot"
    return by_bot and str(comment.get("body") or "").startswith(MARK)


if __name__ == "__main__":
    run(main)
