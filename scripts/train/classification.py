"""Training of models that classify texts, before and after the architecture's own part."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.heads import Decoding, SoftmaxDecoding
from function.core.tokenization import LongText
from scripts.data.labelled_texts import LabelledTexts
from scripts.evaluate.behaviour import has_behaviour_checks, spreads
from scripts.evaluate.evaluation import evaluate, join_evaluations, load_verified
from scripts.evaluate.metrics import figures, fit_temperature
from scripts.evaluate.profile import reference_profile
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.cascade import LearntCascade, add_sure, learn_cascade
from scripts.train.config import TrainConfig
from scripts.train.corpus import Corpus, read_held_out, truth_of
from scripts.train.parity import ExportParity, Measure, check_parity, measure_softmax
from scripts.train.plots import draw_plots
from scripts.train.record import read_training_log
from scripts.train.tasks import REMEDY, Fitted, HeldOutAnswers

STRATEGIES: tuple[LongText, ...] = ("window", "head_tail", "truncate")
PARITY_TEXTS = 2000


class ClassificationTask:
    """See `TrainingTask`. A temperature and the best way to read long texts are fitted."""

    answer: ClassVar[Callable[..., Any]] = staticmethod(evaluate)
    quality: ClassVar[str] = "accuracy"  # the figure by which the way to read long texts is chosen

    def decoding(self, config: TrainConfig, trained: TrainedModel) -> Decoding:  # noqa: ARG002
        return SoftmaxDecoding()

    def compare(self, run: TrainingRun, trained: TrainedModel, draft: Artifact) -> ExportParity:
        sample = _sample(run.corpus.validation, PARITY_TEXTS)
        backend, measure = OnnxBackend(draft, threads=0), self._parity(draft.manifest.decoding)
        most = run.config.serving.max_tokens
        return check_parity(trained, backend, sample, most, REMEDY, measure)

    def _parity(self, decoding: Any) -> Measure:  # noqa: ARG002
        return measure_softmax

    def fit(self, run: TrainingRun, draft: Artifact) -> Fitted:
        results = {each: self._evaluate(draft, run.corpus.validation, each) for each in STRATEGIES}
        long_text = {each: self._all_figures(run, found) for each, found in results.items()}
        means = {
            each: np.mean([row[self.quality] for row in found.values()])
            for each, found in long_text.items()
        }
        chosen = max(STRATEGIES, key=means.__getitem__)
        decoding, report = self._calibrated(run, list(results[chosen].values()))
        changes = {
            "tokenization": draft.manifest.tokenization.model_copy(update={"window": chosen}),
            "decoding": decoding,
        }
        draft = replace(draft, manifest=draft.manifest.model_copy(update=changes))
        cascade = _learn_cascade(run, draft)
        report |= {"long_text": long_text, "chosen": chosen}
        if cascade:
            report |= {"cascade": cascade.settings.proof, "temperature": cascade.temperature}
        return Fitted(
            draft=cascade.write(draft) if cascade else draft,
            report=report,
            validation=results[chosen],
        )

    def _calibrated(
        self,
        run: TrainingRun,  # noqa: ARG002
        answers: Sequence[Any],
    ) -> tuple[Decoding, dict[str, Any]]:
        """Return the decoding that fits the answers to the validation parts, and its report."""
        together = join_evaluations(answers)
        temperature = fit_temperature(together.probabilities, together.truth)
        return SoftmaxDecoding(temperature=temperature), {"temperature": temperature}

    def measure(self, run: TrainingRun, fitted: Fitted) -> HeldOutAnswers:
        answers = self._evaluate(fitted.draft, read_held_out(run.config, run.corpus, run.data))
        before = {f"{name}-validation": each for name, each in fitted.validation.items()}
        report: dict[str, Any] = {"before_calibration": self._all_figures(run, before)}
        if has_behaviour_checks(fitted.draft.manifest):
            report["spread"] = spreads(load_verified(fitted.draft))
        return HeldOutAnswers(answers, report)

    def figures(self, answers: Any, labels: list[str]) -> dict[str, float]:  # noqa: ARG002
        return figures(answers.probabilities, answers.truth)

    def profile(
        self, run: TrainingRun, trained: TrainedModel, measured: HeldOutAnswers
    ) -> dict[str, Any]:
        validation: dict[str, LabelledTexts] = run.corpus.validation
        together = join_evaluations(measured.answers[f"{name}-validation"] for name in validation)
        texts = [text for rows in validation.values() for text in rows.texts]
        return reference_profile(together, texts, trained.tokenizer, run.config.labels)

    def write_extras(self, run: TrainingRun, answers: Mapping[str, Any]) -> list[Path]:
        """See `TrainingTask`. Test parts become files that `scripts.evaluate` reads."""
        write_tests(run, "label")
        return draw_plots(
            read_training_log(run.folder), answers, run.config.labels, run.folder / "plots"
        )

    def _evaluate(
        self, artifact: Artifact, parts: Mapping[str, Any], strategy: LongText | None = None
    ) -> dict[str, Any]:
        predictor, how = load_verified(artifact), strategy or "as served"
        return {
            name: self.answer(predictor, rows, long_text=strategy, title=f"{name}, {how}")
            for name, rows in parts.items()
        }

    def _all_figures(
        self, run: TrainingRun, found: Mapping[str, Any]
    ) -> dict[str, dict[str, float]]:
        return {name: self.figures(each, run.config.labels) for name, each in found.items()}


def write_tests(run: TrainingRun, key: str) -> None:
    """Write test parts as files that `scripts.evaluate` reads, the truth under `key`."""
    for name, rows in run.corpus.test.items():
        with (run.folder / f"{name}-test.jsonl").open("w", encoding="utf-8") as lines:
            for text, truth in zip(rows.texts, truth_of(rows), strict=True):
                lines.write(json.dumps({"text": text, key: truth}) + "\n")


def _learn_cascade(run: TrainingRun, draft: Artifact) -> LearntCascade | None:
    """Learn a first stage where the configuration wants one and it is proved."""
    if not run.config.cascade.enabled or run.config.head != "softmax":
        return None
    corpus: Corpus[LabelledTexts] = run.corpus
    training = corpus.train
    if run.teaching:
        logits = run.teaching.logits[len(training) :]
        training = add_sure(training, run.teaching.texts, logits, run.config.cascade.sure)
    return learn_cascade(load_verified(draft), training, corpus.validation, run.config.seed)


def _sample(parts: Mapping[str, Any], count: int) -> list[str]:
    """Return about as many texts of each part, `count` in all where there are that many."""
    queues = [list(rows.texts) for rows in parts.values()]
    sample: list[str] = []
    while len(sample) < count and any(queues):
        sample += [queue.pop() for queue in queues if queue]
    return sample[:count]
