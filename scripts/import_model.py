"""Make an artifact of a model that was trained elsewhere, to publish it or try it.

SOURCE is `hub:REPO[@REVISION]`, `dir:PATH`, `mlflow:MODEL[@ALIAS]` or
`wandb:ENTITY/PROJECT/ARTIFACT[:ALIAS]`, and holds a transformers checkpoint. Prints the folder of
the artifact alone on stdout. `make run SOURCE=` serves it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import SourceError, UsageError
from scripts.common.progress import log

with needing("make tools"):
    from function.core.artifact import Artifact, read_manifest
    from function.core.manifest import MANIFEST, Manifest
    from scripts.evaluate.behaviour import NEGATION, NEUTRAL, SHORT
    from scripts.refresh.import_settings import ImportSettings
    from scripts.refresh.judge import import_model
    from scripts.refresh.sources.location import REGISTRY, open_source
    from scripts.refresh.sources.source import Revision, Source
    from scripts.registry import keys

KEPT = Path("build/imported")  # artifacts by source, revision and settings
NAMELESS = re.compile(r"LABEL_\d+")  # transformers' name where nobody gave one


def main() -> None:
    arguments = _arguments()
    settings = ImportSettings(
        _names(arguments.rename_label),
        arguments.precision,
        dict(arguments.threshold),
        arguments.aggregation,
        arguments.pairs,
    )
    name, output = arguments.model and keys.name(arguments.model), arguments.output
    if output and output.exists():
        raise UsageError(f"--output {output}: is there already; give another, or remove it")
    if arguments.source == REGISTRY:
        raise UsageError("--source registry: scripts.pull fetches a version of the registry")
    source = open_source(arguments.source)
    revision = source.newest()
    if revision is None:
        raise SourceError(f"{arguments.source}: holds no model")
    parent = output.parent if output else _kept_in(revision, name, settings)
    kept = None if output else next(parent.glob(f"*/{MANIFEST}"), None)
    if kept:
        log(f"{revision}: imported before; rm -r {parent} to import it again")
        output, manifest = kept.parent, read_manifest(kept.parent).manifest
    else:
        parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=parent, prefix=".import-") as scratch:
            artifact = _import(source, revision, name, settings, Path(scratch))
            manifest = artifact.manifest
            output = output or parent / manifest.model
            os.replace(artifact.path, output)
    model, labels = manifest.model, manifest.labels
    about = f"labels {', '.join(labels)}" if labels else f"{manifest.outputs} dimensions"
    log(f"{model}: {about}")
    if arguments.pairs is None and (note := _note_on_pairs(manifest)):
        log(f"note: {note}")
    if nameless := [label for label in labels if NAMELESS.fullmatch(label)]:
        log(
            f"note: nobody named the labels; callers will see {nameless[0]}. Import it again with "
            f"--rename-label {nameless[0]}=NAME ..."
        )
    log(
        f"serve it: V=$(python -m scripts.publish --registry registry --artifact {output}) && "
        f"python -m scripts.promote --registry registry --model {model} --version $V && "
        f"make run MODELS={model}"
    )
    print(output)


def _import(
    source: Source, revision: Revision, name: str | None, settings: ImportSettings, scratch: Path
) -> Artifact:
    fetched = scratch / "fetched"
    fetched.mkdir()
    log(f"fetching {revision}")
    found = source.fetch(revision, fetched)
    if (found / MANIFEST).exists():
        if settings.renamed_labels:
            raise UsageError(f"{revision.source}: is an artifact, whose labels are fixed")
        name = name or read_manifest(found).manifest.model
    model = name or name_of(revision.source)
    return import_model(found, model, _texts(), scratch / "artifact", revision, settings=settings)


def _kept_in(revision: Revision, name: str | None, settings: ImportSettings) -> Path:
    """Return the folder of what this revision becomes by these settings."""
    key = json.dumps([str(revision), name, asdict(settings)], sort_keys=True)
    return KEPT / hashlib.sha256(key.encode()).hexdigest()[:16]


def name_of(source: str) -> str:
    """Return a model's name after a source's last part: `hub:Org/My_Model` becomes `my-model`."""
    last = re.split(r"[:/]", source.rstrip("/"))[-1].lower()
    return re.sub(r"[^a-z0-9.]+", "-", last).strip("-.") or "imported"


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.import_model", __doc__)
    parser.add_argument("--source", required=True)
    parser.add_argument(
        "--model", help="the name that it is served under; by default one like the source's"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help=f"a folder that is not there yet; by default one in {KEPT}, where the same revision "
        "is found the next time",
    )
    parser.add_argument(
        "--precision",
        choices=("int8", "fp32"),
        default="int8",
        help="fp32 answers as the checkpoint does, four times as large and slower",
    )
    parser.add_argument(
        "--rename-label",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="such as LABEL_0=negative; repeatable",
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        action="append",
        default=[],
        metavar="LABEL=P",
        help="of a model that gives several labels: give this one above P, not 0.5; repeatable",
    )
    parser.add_argument(
        "--aggregation",
        choices=("simple", "first", "average", "max"),
        help="of a model that tags tokens: how a word gets its tag, as in transformers (simple)",
    )
    parser.add_argument(
        "--pairs",
        action=argparse.BooleanOptionalAction,
        help="it reads pairs of texts, such as inference models and rerankers do; by default as "
        "its labels and settings say",
    )
    return parser.parse_args()


def _note_on_pairs(manifest: Manifest) -> str:
    """Return what to do if a model reads pairs of texts and nobody said so, or the other way."""
    if manifest.tokenization.pairs:
        return "its labels or settings say that it reads pairs of texts; if not, add --no-pairs"
    if manifest.decoding.kind == "score":
        return "it reads single texts; if it is a reranker, which reads pairs, add --pairs"
    return ""


def _names(changes: Sequence[str]) -> dict[str, str]:
    """Return new names by old ones. Raises UsageError."""
    names: dict[str, str] = {}
    for change in changes:
        old, equals, new = (part.strip() for part in change.partition("="))
        if not old or not equals or not new:
            raise UsageError(f"--rename-label {change}: give OLD=NEW, such as LABEL_0=negative")
        if old in names:
            raise UsageError(f"--rename-label {change}: {old} is renamed twice")
        names[old] = new
    return names


def _threshold(value: str) -> tuple[str, float]:
    label, _, number = value.rpartition("=")
    try:
        threshold = float(number)
    except ValueError:
        threshold = -1
    if not label or not 0 <= threshold <= 1:
        raise argparse.ArgumentTypeError(f"{value}: give LABEL=P, a number from 0 to 1")
    return label, threshold


def _texts() -> list[str]:
    """Return texts to compare the export on: sentences of the project's own, short and long.

    Whatever the model's language and labels are, both sides get the same tokens.
    """
    sentences = [text for text, _ in [*NEGATION, *SHORT]]
    for templates, fillings in NEUTRAL.values():
        sentences += [template.format(name) for template in templates for name in fillings]
    long = [" ".join(sentences[start : start + 12]) for start in range(0, len(sentences), 3)]
    return sentences + long


if __name__ == "__main__":
    run(main)
