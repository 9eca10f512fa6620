"""Freeze a golden set in a registry, under its digest, for the gate to judge by.

FILE holds texts that no model is trained on, with the truth: a label each where the model
classifies texts, a list of labels where it gives several, their entities where it finds those, a
positive and a negative text where it embeds. Prints the digest alone on stdout. Before the first
version of a model, --labels names what it may answer, and --truth the column of the truth; of one
that embeds, give --task feature-extraction alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.common.command_line import needing, registry_parser, run
from scripts.common.errors import RegistryError, UsageError

with needing("make run"):
    from function.core.heads import AnswerKey, Task
    from scripts.gate.golden import read_golden
    from scripts.registry.golden_sets import freeze_golden
    from scripts.registry.registry import PRODUCTION, Registry, open_registry

EMBEDDING = "feature-extraction"
TASKS = ("text-classification", "token-classification", EMBEDDING)
ANSWERS = ("label", "labels", "score", "entities")


def main() -> None:
    parser = registry_parser("scripts.golden", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="Parquet, CSV or JSONL with labels; Parquet, JSONL or CoNLL columns with entities",
    )
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="freeze N rows alone, of each label its share; the same data give the same ones",
    )
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    parser.add_argument("--labels", metavar="A,B,C", help="of a model that has no version yet")
    parser.add_argument(
        "--task", choices=TASKS, default="text-classification", help="of one without a version"
    )
    parser.add_argument(
        "--truth", choices=ANSWERS, help="with --labels; by default as the task has"
    )
    parser.add_argument(
        "--pairs", action="store_true", help="with --labels; second texts are in `text_pair`"
    )
    arguments = parser.parse_args()
    registry = open_registry(arguments.registry)
    task, key, labels, pairs = _manifest(registry, arguments)
    golden = read_golden(
        arguments.data,
        task,
        labels,
        arguments.encoding,
        arguments.sample,
        answer_key=key,
        pairs=pairs,
    )
    print(freeze_golden(registry.store, arguments.model, golden.content()))


def _manifest(
    registry: Registry, given: argparse.Namespace
) -> tuple[Task, AnswerKey | None, list[str], bool]:
    """Return task, head, labels and whether it reads pairs of the model.

    Of the production version, else of the newest, else as given.
    """
    production = registry.alias(given.model, PRODUCTION)
    versions = [production.version] if production else registry.versions(given.model)[-1:]
    labels = [label.strip() for label in (given.labels or "").split(",")]
    if not versions:
        if given.task == EMBEDDING:
            return given.task, None, [], False
        if not given.labels:
            raise RegistryError(
                f"{given.model}: no version says what the set may hold; give --labels A,B,C, or "
                "publish a version first"
            )
        if not all(labels) or len(set(labels)) < len(labels):
            raise UsageError(f"--labels {given.labels}: give each label once, by commas")
        return given.task, given.truth, labels, given.pairs
    served = registry.describe(given.model, versions[0]).manifest
    if given.labels and labels != served.labels:
        raise UsageError(
            f"--labels {given.labels}: {given.model} {versions[0]} has "
            f"{','.join(served.labels)}; leave --labels out"
        )
    return served.task, served.decoding.answer_key, served.labels, served.tokenization.pairs


if __name__ == "__main__":
    run(main)
