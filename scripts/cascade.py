"""Give an artifact a first stage that answers the texts of which it is sure, and prove that it may.

It replaces one that is there. FILE holds texts as users send them, which the model was not trained
on: the first stage learns from four fifths of them, and the rest prove it. Without a column of
labels it learns the model's own answers, and has to agree with them. With --config the texts are
those of a training configuration, split as training splits them; of a distillation's unlabelled
texts the first stage learns the model's sure answers. Prints the folder of the new artifact alone
on stdout.
"""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import RefusedError, UsageError

with needing("make tools"):
    import numpy as np

    from function.core.artifact import Artifact, describe_files, open_artifact, verify
    from function.core.predictor import Predictor
    from function.core.tokenization import TextTokenizer
    from scripts.data.labelled_texts import LabelledTexts, read_labelled
    from scripts.data.rows import read_cells
    from scripts.data.tables import open_table
    from scripts.evaluate.behaviour import has_behaviour_checks, spreads
    from scripts.evaluate.evaluation import evaluate, join_evaluations, load_verified
    from scripts.evaluate.metrics import figures
    from scripts.evaluate.profile import reference_profile
    from scripts.train.cascade import LearntCascade, add_sure, full_logits, learn_cascade
    from scripts.train.config import load_config
    from scripts.train.corpus import load_corpus, load_taught, read_held_out
    from scripts.train.manifest import render_card, write_manifest

VALIDATION = 0.2  # of the texts of a file


def main() -> None:
    arguments = _arguments()
    output: Path = arguments.output
    if output.exists():
        raise UsageError(f"--output {output}: is there already; give another, or remove it")
    artifact = open_artifact(arguments.artifact)
    manifest = artifact.manifest
    if manifest.decoding.kind != "softmax":
        raise UsageError(f"{artifact.path}: a cascade is for models that give a text one label")
    if manifest.tokenization.pairs:
        raise UsageError(f"{artifact.path}: reads pairs of texts; a cascade is for single texts")
    verify(artifact)
    predictor = load_verified(artifact)
    training, validation, held_out, truth = _read(arguments, predictor)
    learnt = learn_cascade(predictor, training, validation, arguments.seed, truth=truth)
    if learnt is None:
        raise RefusedError(f"{artifact.path}: stays as it is, without a cascade")
    _write(artifact, learnt, validation, held_out, output)
    print(output)


def _read(
    arguments: argparse.Namespace, predictor: Predictor
) -> tuple[LabelledTexts, dict[str, LabelledTexts], dict[str, LabelledTexts], bool]:
    """Return training, validation and held-out texts, and whether their labels are the truth."""
    path = arguments.data
    if arguments.set and not arguments.config:
        raise UsageError("--set changes what --config says: give that, too")
    if arguments.config:
        config = load_config(arguments.config, arguments.set)
        corpus = load_corpus(config, path)
        training = corpus.train
        if config.distillation:
            texts = load_taught(config.distillation.unlabelled, config, corpus, path)
            texts = [text for text in texts if len(predictor.tokenise(text).ids)]
            logits = full_logits(predictor, texts, "the model on unlabelled texts")
            training = add_sure(training, texts, list(logits), config.cascade.sure)
        return training, corpus.validation, read_held_out(config, corpus, path), True
    table = open_table(path, arguments.encoding)
    truth = arguments.label in table.names
    if truth:
        columns = {"text": arguments.text, "label": arguments.label}
        rows = read_labelled(path, predictor.labels, encoding=arguments.encoding, **columns)
    else:
        texts, _ = read_cells(table, arguments.text)
        answers = predictor.classify(texts)
        rows = LabelledTexts(texts, [predictor.labels.index(each.label) for each in answers], [])
    order = np.random.default_rng(arguments.seed).permutation(len(rows)).tolist()
    held_out = round(VALIDATION * len(rows))
    proving = rows.select(order[:held_out])
    named = {f"{path.stem}-validation": proving}
    return rows.select(order[held_out:]), {path.stem: proving}, named, truth


def _write(
    artifact: Artifact,
    learnt: LearntCascade,
    validation: dict[str, LabelledTexts],
    held_out: dict[str, LabelledTexts],
    output: Path,
) -> None:
    """Write the artifact with its first stage, measured on held-out texts as it is served."""
    partial = output.with_name(f".partial-{output.name}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(artifact.path, partial)
    draft = learnt.write(Artifact(partial, artifact.manifest, ""))  # over an earlier one
    predictor = load_verified(draft)
    answers = {
        name: evaluate(predictor, rows, title=f"{name}, as served")
        for name, rows in held_out.items()
    }
    changes: dict[str, Any] = {
        "created": datetime.now(UTC).replace(microsecond=0),
        "metrics": {
            name: figures(each.probabilities, each.truth) for name, each in answers.items()
        },
        "profile": reference_profile(
            join_evaluations(answers[f"{name}-validation"] for name in validation),
            [text for rows in validation.values() for text in rows.texts],
            TextTokenizer(draft.file("tokenizer")),
            predictor.labels,
        ),
        "provenance": draft.manifest.provenance | {"cascade_of": artifact.version},
    }
    if has_behaviour_checks(draft.manifest):
        changes["provenance"]["spread"] = spreads(predictor)
    manifest = draft.manifest.model_copy(update=changes)
    files = dict(manifest.files)
    cards = [name for name, entry in files.items() if entry.role == "card"]
    for name in cards if "config" in manifest.provenance else ():
        (partial / name).write_text(render_card(manifest), encoding="utf-8")
        files |= describe_files(partial, [(name, "card")])
    write_manifest(manifest.model_copy(update={"files": files}), partial)
    partial.rename(output)


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.cascade", __doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="a folder with a manifest")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help="or, with --config, its folder"
    )
    parser.add_argument("--config", type=Path, help="a training configuration, for its data sets")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="in place of what --config says, as cascade.sure=0.8; repeatable",
    )
    parser.add_argument("--text", default="text", metavar="COLUMN")
    parser.add_argument("--label", default="label", metavar="COLUMN", help="if there is one")
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--output", type=Path, required=True, help="a folder that is not there yet")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
