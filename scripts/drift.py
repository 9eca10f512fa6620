"""Say whether what a model meets is still what it was validated on. Exit code 3 where it is not.

Reads a window of the prediction log, and compares answers, scores, lengths, tokens per word and,
with feedback, accuracy with a reference.
"""

from datetime import UTC, datetime
from pathlib import Path

from scripts.commandline import run, table, write_json
from scripts.lifecycle.errors import DriftError, UsageError
from scripts.monitoring.arguments import look_at, window_parser
from scripts.monitoring.cloudwatch import metric_data, put_metrics
from scripts.monitoring.watching import Look
from scripts.monitoring.wording import NAMES, advice, changes, headline, told_accuracy
from scripts.workflow.summary import add_to_summary


def main() -> None:
    parser = window_parser("scripts.drift", __doc__)
    parser.add_argument("--output", type=Path, metavar="DIR", help="write report.html there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--cloudwatch", metavar="NAMESPACE", help="tell the alarm: Evergreen")
    parser.add_argument("--service", help="with --cloudwatch: the deployment's setting SERVICE")
    arguments = parser.parse_args()
    if bool(arguments.cloudwatch) != bool(arguments.service):
        raise UsageError("--cloudwatch and --service belong together, as in evergreen-prod")
    found = look_at(arguments)
    _tell(found)
    if arguments.output:
        found.write(arguments.output)
    write_json(found.document, arguments.json)
    if arguments.cloudwatch:
        data = metric_data(found.document, arguments.service, datetime.now(UTC))
        put_metrics(arguments.cloudwatch, data)
    if found.verdict.word == "drift":
        raise DriftError(headline(found.model, found.verdict))


def _tell(found: Look) -> None:
    verdict = found.verdict
    lines = [headline(found.model, verdict), told_accuracy(verdict)]
    for what, advised in zip(
        changes(found.reference, verdict, found.slices), advice(verdict), strict=True
    ):
        lines += [what, advised]
    said = "\n".join(line for line in lines if line)
    print(said)
    if verdict.findings:
        rows = [
            (
                NAMES[each.feature],
                f"{each.effect:.3f}",
                f"{each.least:g}",
                f"{each.band:.3f}",
                f"{each.p_value:.2g}",
                "yes" if each.drifted else "no",
            )
            for each in verdict.findings
        ]
        head = ("feature", "distance", "matters from", "quiet traffic", "chance", "drift")
        print(table(head, rows))
    add_to_summary(f"### Drift\n\n{said}")


if __name__ == "__main__":
    run(main)
