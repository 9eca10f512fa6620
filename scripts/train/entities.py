"""Training of models that find entities, before and after the architecture's own part."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend, Logits
from function.core.heads import ArgmaxDecoding, CrfDecoding, Decoding
from function.core.predictor import Predictor
from function.core.tokenization import TokenIds
from scripts.common.errors import ExportError
from scripts.data.tagged_texts import TaggedTexts
from scripts.evaluate.entity_answers import EntityAnswers, entity_log_loss, same_spans
from scripts.evaluate.evaluation import load_verified
from scripts.evaluate.heads import answer
from scripts.evaluate.profile import entity_profile
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.config import TrainConfig
from scripts.train.corpus import read_held_out
from scripts.train.parity import EntityParity, run_torch
from scripts.train.plots import save_loss
from scripts.train.record import read_training_log
from scripts.train.tags import BIO, tags_of
from scripts.train.tasks import REMEDY, Fitted, HeldOutAnswers

PARITY_TEXTS = 1000
TEMPERATURES = np.geomspace(0.5, 4.0, 13)


class EntityTask:
    """See `TrainingTask`. A temperature is fitted, which changes scores and no entities."""

    def decoding(self, config: TrainConfig, trained: TrainedModel) -> Decoding:
        if config.head == "argmax":
            return ArgmaxDecoding(tags=tags_of(config.labels, BIO), aggregation="first")
        return CrfDecoding(tags=list(trained.config["tags"]))

    def compare(self, run: TrainingRun, trained: TrainedModel, draft: Artifact) -> EntityParity:
        rows: TaggedTexts = next(iter(run.corpus.validation.values()))
        rows = rows.select(range(min(PARITY_TEXTS, len(rows))))
        exact = _predictor(draft, _TrainedBackend(trained))
        served = _predictor(draft, OnnxBackend(draft, threads=0))
        same, entities = same_spans(
            answer(EntityAnswers, exact, rows.rows, "comparing: as trained"),
            answer(EntityAnswers, served, rows.rows, "comparing: as exported"),
        )
        parity = EntityParity(len(rows), round(same, 5), entities)
        if parity.problem:
            raise ExportError(f"the export {parity.problem}. {REMEDY}")
        return parity

    def fit(self, run: TrainingRun, draft: Artifact) -> Fitted:
        """See `TrainingTask`. With the best temperature scores predict best what is right."""
        backend = _RememberingBackend(OnnxBackend(draft, threads=0))
        losses = {}
        for exact in TEMPERATURES:
            temperature = round(float(exact), 4)
            predictor = _predictor(_with_temperature(draft, temperature), backend)
            title = f"temperature {temperature:.2f}"
            found = [
                answer(EntityAnswers, predictor, rows.rows, title)
                for rows in run.corpus.validation.values()
            ]
            losses[temperature] = float(np.mean([entity_log_loss(each) for each in found]))
        best = min(losses, key=losses.__getitem__)
        shown = {str(temperature): round(loss, 5) for temperature, loss in losses.items()}
        report = {"temperature": best, "log_loss_by_temperature": shown}
        return Fitted(report, _with_temperature(draft, best))

    def measure(self, run: TrainingRun, fitted: Fitted) -> HeldOutAnswers:
        """See `TrainingTask`. Documents of several texts are answered as one text, too."""
        parts: dict[str, TaggedTexts] = read_held_out(run.config, run.corpus, run.data)
        predictor = load_verified(fitted.draft)
        answers = {}
        for title, rows in parts.items():
            answers[title] = answer(EntityAnswers, predictor, rows.rows, title)
            documents = rows.documents()
            if len(documents) < len(rows):
                title = f"{title}-documents"
                answers[title] = answer(EntityAnswers, predictor, documents.rows, title)
        return HeldOutAnswers(answers)

    def figures(self, answers: EntityAnswers, labels: list[str]) -> dict[str, float]:  # noqa: ARG002
        return answers.figures

    def profile(
        self,
        run: TrainingRun,
        trained: TrainedModel,  # noqa: ARG002
        measured: HeldOutAnswers,
    ) -> dict[str, Any]:
        validation = [measured.answers[f"{name}-validation"] for name in run.corpus.validation]
        return entity_profile(validation, run.config.labels)

    def write_extras(
        self,
        run: TrainingRun,
        answers: Mapping[str, EntityAnswers],  # noqa: ARG002
    ) -> list[Path]:
        return save_loss(read_training_log(run.folder), run.folder / "plots")


class _TrainedBackend:
    """The model as it was trained, in the place of its export."""

    def __init__(self, trained: TrainedModel) -> None:
        self._model = trained.model

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        return run_torch(self._model, input_ids, attention_mask)


class _RememberingBackend:
    """A model that runs each batch once, for decodings that are compared."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._found: dict[object, Logits] = {}

    def run(self, input_ids: TokenIds, attention_mask: TokenIds) -> Logits:
        """See `core.backend.Backend`."""
        batch = input_ids.shape, input_ids.tobytes(), attention_mask.tobytes()
        if batch not in self._found:
            self._found[batch] = self._backend.run(input_ids, attention_mask)
        return self._found[batch]


def _predictor(artifact: Artifact, backend: Backend) -> Predictor:
    return load_verified(artifact, load_backend=lambda _: backend)


def _with_temperature(draft: Artifact, temperature: float) -> Artifact:
    decoding = draft.manifest.decoding.model_copy(update={"temperature": temperature})
    return replace(draft, manifest=draft.manifest.model_copy(update={"decoding": decoding}))
