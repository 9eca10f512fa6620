"""From a trained model that finds entities to a finished artifact, as `training/assemble.py` does
for one that classifies texts.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import CrfDecoding, Manifest
from function.core.backend import Backend, Logits
from function.core.tokenization import TokenIds
from scripts.common.errors import ExportError
from scripts.data.tagged_texts import TaggedTexts, read_tagged
from scripts.evaluate.entity_evaluation import (
    EntityEvaluation,
    entity_figures,
    entity_log_loss,
    evaluate_entities,
    same_spans,
)
from scripts.evaluate.evaluation import open_predictor
from scripts.evaluate.profile import entity_profile
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.config import TrainConfig
from scripts.train.corpus import Corpus, locate
from scripts.train.export import run_torch
from scripts.train.manifest import (
    draft_manifest,
    export_anew,
    finish,
    now,
    tokenization,
    write_manifest,
)
from scripts.train.provenance import provenance

PARITY_TEXTS = 1000
LEAST_SAME = 0.99  # of the entities that the trained and the exported model find
TEMPERATURES = np.geomspace(0.5, 4.0, 13)


@dataclass(frozen=True)
class EntityParity:
    """same: the share of entities that the trained model and its export both find."""

    texts: int
    same: float


def assemble_entities(
    config: TrainConfig,
    corpus: Corpus[TaggedTexts],
    trained: TrainedModel,
    data: Path,
    output: Path,
) -> dict[str, Any]:
    """Write `output/artifact`; returns the report of what was measured and chosen on the way.

    Nothing is chosen on a test file. Raises ExportError where the export is too far off.
    """
    folder = export_anew(config, trained, output)
    decoding = CrfDecoding(tags=list(trained.config["tags"]))
    manifest = draft_manifest(
        folder,
        config.model,
        config.labels,
        tokenization(config, trained),
        now(),
        task="token-classification",
        decoding=decoding,
    )
    write_manifest(manifest, folder)
    parity = _check_parity(folder, trained, _first(corpus.validation, PARITY_TEXTS))
    temperature, losses = _fit_temperature(manifest, folder, corpus.validation)
    decoding = CrfDecoding(tags=decoding.tags, temperature=temperature)
    manifest = manifest.model_copy(update={"decoding": decoding})
    write_manifest(manifest, folder)
    held_out = _measure(folder, corpus.validation, "validation")
    tests = _measure(folder, corpus.test, "test")
    others = _measure(folder, _evaluation_sets(config, data), "")
    figures = {
        name: entity_figures(found, config.labels)
        for name, found in {**held_out, **tests, **others}.items()
    }
    profile = entity_profile(
        [held_out[f"{name}-validation"] for name in corpus.validation], config.labels
    )
    told = provenance(config, data, {"parity": asdict(parity)})
    manifest = manifest.model_copy(
        update={"metrics": figures, "profile": profile, "provenance": told}
    )
    finish(manifest, folder, output)
    return {
        "parity": asdict(parity),
        "temperature": temperature,
        "log_loss_by_temperature": losses,
        "after_calibration": figures,
    }


class _TrainedBackend:
    """The model as it was trained, in the place of its export."""

    def __init__(self, trained: TrainedModel) -> None:
        self._model = trained.model

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        return run_torch(self._model, input_ids, attention_mask)


def _check_parity(folder: Path, trained: TrainedModel, rows: TaggedTexts) -> EntityParity:
    def found(backend: Backend, title: str) -> EntityEvaluation:
        predictor = open_predictor(folder, load_backend=lambda artifact: backend)  # noqa: ARG005
        return evaluate_entities(predictor, rows, title=title)

    exact = found(_TrainedBackend(trained), "comparing: as trained")
    served = evaluate_entities(
        open_predictor(folder, load_backend=lambda artifact: OnnxBackend(artifact, 0)),
        rows,
        title="comparing: as exported",
    )
    parity = EntityParity(len(rows), round(same_spans(exact, served), 5))
    if parity.same < LEAST_SAME:
        raise ExportError(
            f"the int8 export finds {parity.same:.2%} of the trained model's entities in "
            f"{parity.texts} texts; at least {LEAST_SAME:.0%} are wanted"
        )
    return parity


def _fit_temperature(
    manifest: Manifest, folder: Path, validation: dict[str, TaggedTexts]
) -> tuple[float, dict[str, float]]:
    """The temperature with which scores tell best whether an entity is right. It changes none."""
    losses = {}
    for temperature in TEMPERATURES:
        tags = manifest.decoding.tags  # type: ignore[union-attr]
        warm = CrfDecoding(tags=tags, temperature=round(float(temperature), 4))
        write_manifest(manifest.model_copy(update={"decoding": warm}), folder)
        predictor = open_predictor(folder)
        losses[warm.temperature] = float(
            np.mean(
                [
                    entity_log_loss(
                        evaluate_entities(predictor, rows, title=f"temperature {temperature:.2f}")
                    )
                    for rows in validation.values()
                ]
            )
        )
    best = min(losses, key=losses.__getitem__)
    return best, {str(temperature): round(loss, 5) for temperature, loss in losses.items()}


def _measure(
    folder: Path, parts: dict[str, TaggedTexts], suffix: str
) -> dict[str, EntityEvaluation]:
    """Of each part its texts one by one, and, where they have documents, those as one text each."""
    predictor = open_predictor(folder)
    found = {}
    for name, rows in parts.items():
        title = f"{name}-{suffix}".rstrip("-")
        found[title] = evaluate_entities(predictor, rows, title=title)
        documents = rows.documents()
        if len(documents) < len(rows):
            title = f"{title}-documents"
            found[title] = evaluate_entities(predictor, documents, title=title)
    return found


def _evaluation_sets(config: TrainConfig, data: Path) -> dict[str, TaggedTexts]:
    return {
        name: read_tagged(locate(data, path), config.labels, config.renamed_labels)
        for name, path in config.evaluation.items()
    }


def _first(parts: dict[str, TaggedTexts], count: int) -> TaggedTexts:
    rows = next(iter(parts.values()))
    return rows.select(range(min(count, len(rows))))
