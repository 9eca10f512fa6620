"""Say whether what models meet is still what they were validated on. Exit code 3 where it is not.

Reads a window of the prediction log, and compares answers, scores, lengths, tokens per word and,
with feedback, accuracy with a reference: of one model, or of each that a stage serves. Of those,
one of which the reference has too little is named and passed over; one that cannot be looked at
holds none of the others up, and is told in the end.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from function.core.errors import EvergreenError
from scripts.common.command_line import add_to_summary, run, table, write_json
from scripts.common.errors import DriftError, RegistryError, ThinReferenceError, UsageError
from scripts.deploy.models import choose_models
from scripts.deploy.stacks import load_stage
from scripts.drift.check import Look, look_at, window_parser
from scripts.drift.cloudwatch import metric_data, put_metrics
from scripts.drift.wording import NAMES, advice, changes, headline, told_accuracy
from scripts.registry.registry import PRODUCTION, open_registry


def main() -> None:
    arguments = _arguments()
    figures: dict[str, dict[str, Any]] = {}
    drifted: list[str] = []
    passed_over: list[ThinReferenceError] = []
    failed: dict[str, EvergreenError] = {}
    for model in _models(arguments):
        try:
            found = look_at(arguments, model)
            figures[model] = found.document
            if found.verdict.word == "drift":
                drifted.append(headline(model, found.verdict))
            _tell(found)
            _keep(found, arguments)
        except ThinReferenceError as error:
            passed_over.append(error)
            _say(f"{model}: passed over: {error}")
        except UsageError:  # as wrong for every other model
            raise
        except EvergreenError as error:
            failed[f"{model}: failed: {error}"] = error
            _say(f"{model}: failed: {error}")
    if figures:
        write_json(figures, arguments.json)
    if drifted:
        raise DriftError("; ".join([*drifted, *failed]))
    if failed:
        raise next(iter(failed.values()))
    if not figures:
        raise passed_over[0]


def _models(arguments: argparse.Namespace) -> list[str]:
    """The one that was named, or all that the stage serves once they have answered there."""
    if arguments.model:
        return [arguments.model]
    registry = open_registry(arguments.registry)
    _, stage = load_stage(arguments.stage)
    models = [each for each in choose_models(registry, stage) if registry.alias(each, PRODUCTION)]
    if not models:
        raise RegistryError(f"{stage.name}: nothing is in production; deploy it first")
    return models


def _keep(found: Look, arguments: argparse.Namespace) -> None:
    if arguments.output:
        found.write(arguments.output / found.model)
    if arguments.cloudwatch:
        data = metric_data(found.document, arguments.service, datetime.now(UTC))
        put_metrics(arguments.cloudwatch, data)


def _tell(found: Look) -> None:
    verdict = found.verdict
    lines = [headline(found.model, verdict), told_accuracy(verdict)]
    for what, advised in zip(
        changes(found.reference, verdict, found.slices), advice(verdict), strict=True
    ):
        lines += [what, advised]
    _say("\n".join(line for line in lines if line))
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


def _say(what: str) -> None:
    print(what)
    add_to_summary(f"### Drift\n\n{what}")


def _arguments() -> argparse.Namespace:
    parser = window_parser("scripts.drift", __doc__)
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--model")
    whose.add_argument("--stage", help="one of infra/stages.py: all models that it serves")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write report.html there, in a folder a model"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the figures here, by model"
    )
    parser.add_argument("--cloudwatch", metavar="NAMESPACE", help="tell the alarm: Evergreen")
    parser.add_argument("--service", help="with --cloudwatch: the deployment's setting SERVICE")
    arguments = parser.parse_args()
    if bool(arguments.cloudwatch) != bool(arguments.service):
        raise UsageError("--cloudwatch and --service belong together, as in evergreen-prod")
    return arguments


if __name__ == "__main__":
    run(main)
