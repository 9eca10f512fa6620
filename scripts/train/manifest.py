"""The manifest of an artifact that is being written: its draft, its provenance, its card."""

import hashlib
import platform
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from function.core.artifact import describe_files, open_artifact
from function.core.heads import Decoding, SoftmaxDecoding, Task
from function.core.manifest import MANIFEST, Manifest, Role, Tokenization
from scripts.common.git import git
from scripts.common.markdown import fill_page, table_of_lines
from scripts.train.config import TrainConfig
from scripts.train.corpus import locate, source_of
from scripts.train.export import DECODER

Metrics = Mapping[str, Mapping[str, float]]  # figures by data set

CARD = Path(__file__).with_name("card.md")
FILES: list[tuple[str, Role]] = [
    ("model.onnx", "graph"),
    ("model.safetensors", "weights"),
    ("tokenizer.json", "tokenizer"),
    ("config.json", "config"),
]
LIBRARIES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "numpy")


def draft_manifest(
    folder: Path,
    model: str,
    labels: list[str],
    tokenization: Tokenization,
    created: datetime,
    *,
    task: Task = "text-classification",
    decoding: Decoding | None = None,
) -> Manifest:
    """Describe what `export` wrote into a folder; nothing is measured or calibrated yet."""
    decoder: list[tuple[str, Role]] = [(DECODER, "decoder")] if (folder / DECODER).exists() else []
    return Manifest(
        schema_version=2,
        model=model,
        task=task,
        labels=labels,
        created=created,
        files=describe_files(folder, FILES + decoder),
        tokenization=tokenization,
        decoding=decoding or SoftmaxDecoding(),
        metrics={},
        profile={},
        provenance={},
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest into the folder of its files."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def provenance(config: TrainConfig, data: Path, extra: dict[str, Any]) -> dict[str, Any]:
    """Return where an artifact comes from, so that someone else can make it again.

    Base checkpoint, data sets with digests, commit, seed, library versions, licenses; and `extra`.
    """
    further = list(config.evaluation.items())
    if config.pretraining:
        further.append(("pretraining", config.pretraining.path))
    if config.unlabelled:
        further.append(("unlabelled", config.unlabelled.path))
    if config.distillation:
        further += [
            (f"unlabelled {each.path}", each.path) for each in config.distillation.unlabelled
        ]
    sources = [(each.name, each.path, source_of(data, each.path)) for each in config.datasets]
    sources += [(name, path, locate(data, path)) for name, path in further]
    return {
        "base": config.base,
        "licenses": config.licenses,
        "datasets": {
            name: {"path": path.name if path == data else given, "sha256": _digest(path)}
            for name, given, path in sources
        },
        "seed": config.seed,
        "config": config.model_dump(mode="json", exclude_none=True),
        **made_with(),
        **extra,
    }


def recorded_base(configured: str, used: str) -> str:
    """Return the name of a checkpoint that is recorded, never its path on this machine.

    An artifact has its version. Another folder that was given is a copy of the configured
    checkpoint; where none is configured, the folder's own name is recorded.
    """
    folder = Path(used)
    if (folder / MANIFEST).is_file():
        artifact = open_artifact(folder)
        return f"{artifact.manifest.model} {artifact.version}"
    if used == configured or not folder.exists():
        return used
    return configured or folder.resolve().name


def made_with() -> dict[str, Any]:
    """Return the current code and libraries."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None for folders and data sets by name."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _commit() -> str | None:
    """Return the commit, with `-dirty` where tracked files differ from it; None without one."""
    head = git("rev-parse", "HEAD")
    changed = head and git("status", "--porcelain", "--untracked-files=no")
    return f"{head}-dirty" if changed else head or None


def render_card(manifest: Manifest) -> str:
    """Return the short card that travels inside an artifact, in Markdown."""
    sources = manifest.provenance
    spread = sources.get("spread", {})
    widest = ["Change of the positive probability in neutral sentences, the widest (mean):"]
    widest += [
        f"- {name}: {each['widest']:.2f} ({each['mean']:.2f})" for name, each in spread.items()
    ]
    figures = _classes if manifest.decoding.kind == "softmax" else _found
    return fill_page(
        CARD,
        manifest=manifest,
        labels=", ".join(manifest.labels),
        origin=_origin(sources),
        data=_data(sources),
        figures=figures(manifest.metrics),
        cascade=_cascade(manifest.cascade.proof) if manifest.cascade else "",
        spread="\n".join(widest) if spread else "",
        licenses="\n".join(f"- {name}: {text}" for name, text in sources["licenses"].items()),
    )


def _origin(sources: dict[str, Any]) -> str:
    base = sources["base"]
    origin = f"Base checkpoint: `{base}`." if base else "Trained from scratch."
    taught = [f"`{each['name']}` ({each['sha256'][:12]})" for each in sources.get("teachers", ())]
    return f"{origin} Taught by {', '.join(taught)}." if taught else origin


def _data(sources: dict[str, Any]) -> str:
    """Return the data sets by their use."""
    measured = sources["config"]["evaluation"]
    trained = [name for name in sources["datasets"] if name not in measured]
    only = f" Measured on, and not trained on: {', '.join(measured)}." if measured else ""
    return f"Trained on: {', '.join(trained)}.{only}"


def _classes(metrics: Metrics) -> str:
    return table_of_lines(
        "data | texts | accuracy | 95 % interval | calibration error",
        (
            f"{name} | {row['texts']:.0f} | {row['accuracy']:.2%} | {row['accuracy_low']:.2%} to "
            f"{row['accuracy_high']:.2%} | {row['calibration_error']:.3f}"
            for name, row in metrics.items()
        ),
        figures=False,
    )


def _found(metrics: Metrics) -> str:
    """Return the figures of entities, or of several labels a text."""
    several = any("exact_texts" in row for row in metrics.values())
    key, form = ("exact_texts", ".2%") if several else ("entities", ".0f")
    return table_of_lines(
        f"data | texts | {key.replace('_', ' ')} | precision | recall | F1 | calibration error",
        (
            f"{name} | {row['texts']:.0f} | {row[key]:{form}} | {row['precision']:.2%} | "
            f"{row['recall']:.2%} | {row['f1']:.2%} | {row['calibration_error']:.3f}"
            for name, row in metrics.items()
        ),
        figures=False,
    )


def _cascade(proof: Mapping[str, Any]) -> str:
    low, high = (100 * end for end in proof["interval"])
    curve = table_of_lines(
        "threshold | answered first | accuracy",
        (f"{at:.3f} | {share:.1%} | {accuracy:.2%}" for at, share, accuracy in proof["curve"][::4]),
        figures=False,
    )
    return (
        f"Cascade: of {proof['texts']:,} validation texts the first stage answers "
        f"{proof['share']:.1%}; {proof['accuracy']:.2%} are right, {proof['full_accuracy']:.2%} "
        f"by the full model alone (95 % interval of the difference {low:+.2f} to {high:+.2f} "
        f"points).\n\n{curve}"
    )
