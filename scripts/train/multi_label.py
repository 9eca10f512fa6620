"""Training of models that give a text several labels, before and after the architecture's part."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from function.core.decoding import Probabilities
from function.core.heads import Decoding, SigmoidDecoding
from scripts.evaluate.evaluation import Evaluation
from scripts.evaluate.heads import answer
from scripts.evaluate.metrics import fit_temperature, rescale
from scripts.evaluate.multi_label_answers import Chosen, MultiLabelAnswers
from scripts.evaluate.profile import reference_profile
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.classification import ClassificationTask, write_tests
from scripts.train.config import TrainConfig
from scripts.train.parity import Measure, measure_labels
from scripts.train.plots import save_loss
from scripts.train.record import read_training_log
from scripts.train.tasks import HeldOutAnswers

EVEN = 0.5
FEWEST = 20  # texts with a label, and without it, that a threshold of its own takes
# Nearest to a half first; ones near 0 or 1 would give a label that was not learnt to all or none.
THRESHOLDS = sorted(np.linspace(0.1, 0.9, 81).round(2), key=lambda each: abs(each - EVEN))


class MultiLabelTask(ClassificationTask):
    """See `TrainingTask`. A threshold for each label is fitted, too."""

    answer = staticmethod(partial(answer, MultiLabelAnswers))
    quality = "f1"

    def decoding(self, config: TrainConfig, trained: TrainedModel) -> Decoding:  # noqa: ARG002
        return SigmoidDecoding(thresholds=[EVEN] * len(config.labels))

    def _parity(self, decoding: Any) -> Measure:
        return partial(measure_labels, decoding)

    def _calibrated(
        self, run: TrainingRun, answers: Sequence[MultiLabelAnswers]
    ) -> tuple[Decoding, dict[str, Any]]:
        probabilities = np.concatenate([each.probabilities for each in answers])
        truth = np.concatenate([each.truth for each in answers])
        decisions = np.stack([1 - probabilities, probabilities], axis=-1)
        temperature = fit_temperature(decisions.reshape(-1, 2), truth.ravel().astype(np.int64))
        thresholds = fit_thresholds(rescale(decisions, temperature)[..., 1], truth)
        named = dict(zip(run.config.labels, thresholds, strict=True))
        decoding = SigmoidDecoding(thresholds=thresholds, temperature=temperature)
        return decoding, {"temperature": temperature, "thresholds": named}

    def figures(self, answers: MultiLabelAnswers, labels: list[str]) -> dict[str, float]:  # noqa: ARG002
        return answers.figures

    def profile(
        self, run: TrainingRun, trained: TrainedModel, measured: HeldOutAnswers
    ) -> dict[str, Any]:
        """See `TrainingTask`. Labels have their share of all that were given, as entities have."""
        parts, labels = run.corpus.validation, run.config.labels
        answers = [measured.answers[f"{name}-validation"] for name in parts]
        texts = [text for rows in parts.values() for text in rows.texts]
        tokens = np.array([len(encoded.ids) for encoded in trained.tokenizer.encode(texts)])
        probabilities = np.concatenate([each.probabilities for each in answers])
        best = Evaluation(probabilities, np.zeros_like(tokens), tokens)
        given = np.concatenate([each.chosen for each in answers]).sum(axis=0)
        shares = (given / max(1, given.sum())).round(5).tolist()
        profile = reference_profile(best, texts, trained.tokenizer, labels)
        return profile | {"labels": dict(zip(labels, shares, strict=True))}

    def write_extras(self, run: TrainingRun, answers: Mapping[str, Any]) -> list[Path]:  # noqa: ARG002
        write_tests(run, "labels")
        return save_loss(read_training_log(run.folder), run.folder / "plots")


def fit_thresholds(probabilities: Probabilities, truth: Chosen) -> list[float]:
    """Return the threshold with the best F1 of each label; both arguments are (texts, labels).

    A label that too few texts have, or lack, has a half.
    """
    f1 = np.array([_f1(probabilities > each, truth) for each in THRESHOLDS])
    best = np.array(THRESHOLDS)[f1.argmax(axis=0)]
    fewest = np.minimum(truth.sum(axis=0), (~truth).sum(axis=0))
    return [float(each) for each in np.where(fewest < FEWEST, EVEN, best)]


def _f1(given: Chosen, truth: Chosen) -> Probabilities:
    both = given.sum(axis=0) + truth.sum(axis=0)
    return np.asarray(2 * (given & truth).sum(axis=0) / np.maximum(both, 1))
