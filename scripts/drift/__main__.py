"""Check whether models still get the input that they were validated on. Exit code 3 if not.

Reads a time range of the prediction log, and compares answers, scores, lengths, tokens per word
and, with feedback, accuracy with a reference: of one model, or of each that a stage serves. Of
these, a model of which the reference has too little is named and passed over; one that cannot be
checked does not stop the others, and is reported at the end.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from function.core.errors import EvergreenError
from scripts.common.command_line import add_to_summary, needing, run, table, write_json
from scripts.common.errors import DriftError, RegistryError, ThinReferenceError, UsageError
from scripts.deploy.stacks import load_stage
from scripts.drift.arguments import check_parser

with needing("make tools"):
    from scripts.deploy.models import choose_models
    from scripts.drift.check import DriftCheck, check_model
    from scripts.drift.cloudwatch import metric_data, put_metrics
    from scripts.drift.wording import NAMES, accuracy_sentence, advice, changes, headline
    from scripts.registry.registry import PRODUCTION, open_registry


def main() -> None:
    arguments = _arguments()
    figures: dict[str, dict[str, Any]] = {}
    drifted: list[str] = []
    passed_over: list[ThinReferenceError] = []
    failed: dict[str, EvergreenError] = {}
    for model in _models(arguments):
        try:
            check = check_model(arguments, model)
            figures[model] = check.document
            if check.verdict.status == "drift":
                drifted.append(headline(model, check.verdict))
            _print(check)
            _publish(check, arguments)
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
    """Return the named model, or all in production that the stage serves."""
    if arguments.model:
        return [arguments.model]
    registry = open_registry(arguments.registry)
    _, stage = load_stage(arguments.stage)
    models = [each for each in choose_models(registry, stage) if registry.alias(each, PRODUCTION)]
    if not models:
        raise RegistryError(f"{stage.name}: nothing is in production; deploy it first")
    return models


def _print(check: DriftCheck) -> None:
    verdict = check.verdict
    lines = [headline(check.model, verdict), accuracy_sentence(verdict)]
    for what, advised in zip(
        changes(check.reference, verdict, check.slices), advice(verdict), strict=True
    ):
        lines += [what, advised]
    _say("\n".join(line for line in lines if line))
    if verdict.results:
        rows = [
            (
                NAMES[each.feature],
                f"{each.effect:.3f}",
                f"{each.least:g}",
                f"{each.band:.3f}",
                f"{each.p_value:.2g}",
                "yes" if each.drifted else "no",
            )
            for each in verdict.results
        ]
        head = ("feature", "distance", "matters from", "quiet traffic", "chance", "drift")
        print(table(head, rows))


def _publish(check: DriftCheck, arguments: argparse.Namespace) -> None:
    if arguments.output:
        check.write(arguments.output / check.model)
    if arguments.cloudwatch:
        data = metric_data(check.document, arguments.service, datetime.now(UTC))
        put_metrics(arguments.cloudwatch, data)


def _say(text: str) -> None:
    print(text)
    add_to_summary(f"### Drift\n\n{text}")


def _arguments() -> argparse.Namespace:
    parser = check_parser("scripts.drift", __doc__)
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--model")
    whose.add_argument("--stage", help="one of infra/stages.py: all models that it serves")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write report.html there, in a folder a model"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the figures here, by model"
    )
    parser.add_argument("--cloudwatch", metavar="NAMESPACE", help="send metrics there: Evergreen")
    parser.add_argument("--service", help="with --cloudwatch: the deployment's setting SERVICE")
    arguments = parser.parse_args()
    if bool(arguments.cloudwatch) != bool(arguments.service):
        raise UsageError("--cloudwatch and --service belong together, as in evergreen-prod")
    return arguments


if __name__ == "__main__":
    run(main)
