"""Section 5: every model that lies beside the measured one, each through the same handler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from function.core.artifact import MANIFEST, Artifact, open_artifact
from scripts.benchmark.figures import Latency
from scripts.benchmark.installed import folder_bytes
from scripts.benchmark.plan import REVIEW, Plan, Subject
from scripts.benchmark.processes import work


@dataclass(frozen=True)
class ModelFigures:
    """One model. bytes: of its folder. latency: by length. peak: bytes that a handler held at most
    which answered with this model alone."""

    version: str
    task: str
    bytes: int
    latency: dict[str, Latency]
    peak: int


@dataclass(frozen=True)
class Models:
    """Figures by model, the default first. together: peak bytes of one handler that answered with
    all of them."""

    by_name: dict[str, ModelFigures]
    together: int


def measure(subject: Subject, plan: Plan, lengths: Mapping[str, Sequence[str]]) -> Models:
    """Models take turns in one process, and are then held alone in fresh ones. Each reads a text
    as its artifact says, a long one in windows."""
    artifacts = _artifacts(subject)
    taken: dict[str, dict[str, Latency]] = {name: {} for name in artifacts}
    for length, texts in lengths.items():
        job = {"models": list(artifacts), "texts": texts, "count": plan.latencies}
        found = work(
            "scripts.benchmark.warm_models", job | {"block": plan.block}, _all_loaded(subject)
        )
        for name, milliseconds in found.items():
            taken[name][length] = Latency.of(milliseconds)
    reviews = lengths[REVIEW]
    chosen = [reviews[index % len(reviews)] for index in range(plan.memory_requests)]
    return Models(
        {
            name: ModelFigures(
                version=artifact.version,
                task=artifact.manifest.task,
                bytes=folder_bytes(artifact.path),
                latency=taken[name],
                peak=_peak(chosen, [name], subject.environment() | {"DEFAULT_MODEL": name}),
            )
            for name, artifact in artifacts.items()
        },
        _peak(chosen, list(artifacts), _all_loaded(subject)),
    )


def _artifacts(subject: Subject) -> dict[str, Artifact]:
    """By name, the default first."""
    folders = [subject.model, *sorted(subject.model.parent.iterdir())]
    found = {
        folder.name: open_artifact(Path(folder))
        for folder in folders
        if (folder / MANIFEST).is_file()
    }
    return dict(sorted(found.items(), key=lambda pair: pair[0] != subject.model.name))


def _all_loaded(subject: Subject) -> dict[str, str]:
    return subject.environment() | {"MOST_LOADED": str(max(2, len(_artifacts(subject))))}


def _peak(texts: Sequence[str], models: Sequence[str], environment: Mapping[str, str]) -> int:
    job = {"texts": texts, "models": models}
    peak: int = work("scripts.benchmark.memory_handler", job, environment)
    return peak
