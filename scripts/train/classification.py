"""Training of models that classify texts, before and after the architecture's own part."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.heads import SoftmaxDecoding
from function.core.tokenization import LongText
from scripts.data.labelled_texts import LabelledTexts
from scripts.evaluate.behaviour import has_behaviour_checks, spreads
from scripts.evaluate.evaluation import Evaluation, evaluate, join_evaluations, load_verified
from scripts.evaluate.metrics import accuracy, figures, fit_temperature
from scripts.evaluate.profile import reference_profile
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.cascade import LearntCascade, add_sure, learn_cascade
from scripts.train.corpus import Corpus, read_held_out
from scripts.train.export import ExportParity, check_parity
from scripts.train.plots import draw_plots
from scripts.train.record import read_training_log
from scripts.train.tasks import REMEDY, Fitted, HeldOutAnswers

STRATEGIES: tuple[LongText, ...] = ("window", "head_tail", "truncate")
PARITY_TEXTS = 2000


class ClassificationTask:
    """See `TrainingTask`. A temperature and the best way to read long texts are fitted."""

    def decoding(self, trained: TrainedModel) -> SoftmaxDecoding:  # noqa: ARG002
        return SoftmaxDecoding()

    def compare(self, run: TrainingRun, trained: TrainedModel, draft: Artifact) -> ExportParity:
        sample = _sample(run.corpus.validation, PARITY_TEXTS)
        backend = OnnxBackend(draft, threads=0)
        return check_parity(trained, backend, sample, run.config.serving.max_tokens, REMEDY)

    def fit(self, run: TrainingRun, draft: Artifact) -> Fitted:
        results = {each: _evaluate(draft, run.corpus.validation, each) for each in STRATEGIES}
        chosen = max(STRATEGIES, key=lambda strategy: _mean_accuracy(results[strategy]))
        validation = results[chosen]
        together = join_evaluations(validation.values())
        temperature = fit_temperature(together.probabilities, together.truth)
        long_text = {strategy: _all_figures(found) for strategy, found in results.items()}
        changes = {
            "tokenization": draft.manifest.tokenization.model_copy(update={"window": chosen}),
            "decoding": SoftmaxDecoding(temperature=temperature),
        }
        draft = replace(draft, manifest=draft.manifest.model_copy(update=changes))
        cascade = _learn_cascade(run, draft)
        report = {"temperature": temperature, "long_text": long_text, "chosen": chosen}
        if cascade:
            report["cascade"] = cascade.settings.proof
        return Fitted(
            draft=cascade.write(draft) if cascade else draft,
            report=report,
            validation=validation,
        )

    def measure(self, run: TrainingRun, fitted: Fitted) -> HeldOutAnswers:
        answers = _evaluate(fitted.draft, read_held_out(run.config, run.corpus, run.data))
        before = {f"{name}-validation": each for name, each in fitted.validation.items()}
        report: dict[str, Any] = {"before_calibration": _all_figures(before)}
        if has_behaviour_checks(fitted.draft.manifest):
            report["spread"] = spreads(load_verified(fitted.draft))
        return HeldOutAnswers(answers, report)

    def figures(self, answers: Evaluation, labels: list[str]) -> dict[str, float]:  # noqa: ARG002
        return figures(answers.probabilities, answers.truth)

    def profile(
        self, run: TrainingRun, trained: TrainedModel, measured: HeldOutAnswers
    ) -> dict[str, Any]:
        validation: dict[str, LabelledTexts] = run.corpus.validation
        together = join_evaluations(measured.answers[f"{name}-validation"] for name in validation)
        texts = [text for rows in validation.values() for text in rows.texts]
        return reference_profile(together, texts, trained.tokenizer, run.config.labels)

    def write_extras(self, run: TrainingRun, answers: Mapping[str, Evaluation]) -> list[Path]:
        """See `TrainingTask`. Test parts become files that `scripts.evaluate` reads."""
        tests: dict[str, LabelledTexts] = run.corpus.test
        for name, rows in tests.items():
            with (run.folder / f"{name}-test.jsonl").open("w", encoding="utf-8") as lines:
                for text, label in zip(rows.texts, rows.labels, strict=True):
                    lines.write(json.dumps({"text": text, "label": label}) + "\n")
        return draw_plots(
            read_training_log(run.folder), answers, run.config.labels, run.folder / "plots"
        )


def _learn_cascade(run: TrainingRun, draft: Artifact) -> LearntCascade | None:
    """Learn a first stage where the configuration wants one and it is proved."""
    if not run.config.cascade.enabled:
        return None
    corpus: Corpus[LabelledTexts] = run.corpus
    training = corpus.train
    if run.teaching:
        logits = run.teaching.logits[len(training) :]
        training = add_sure(training, run.teaching.texts, logits, run.config.cascade.sure)
    return learn_cascade(load_verified(draft), training, corpus.validation, run.config.seed)


def _evaluate(
    artifact: Artifact, parts: Mapping[str, LabelledTexts], strategy: LongText | None = None
) -> dict[str, Evaluation]:
    predictor = load_verified(artifact)
    return {
        name: evaluate(
            predictor, rows, long_text=strategy, title=f"{name}, {strategy or 'as served'}"
        )
        for name, rows in parts.items()
    }


def _mean_accuracy(results: Mapping[str, Evaluation]) -> float:
    return float(np.mean([accuracy(e.probabilities, e.truth) for e in results.values()]))


def _all_figures(found: Mapping[str, Evaluation]) -> dict[str, dict[str, float]]:
    return {name: figures(each.probabilities, each.truth) for name, each in found.items()}


def _sample(parts: Mapping[str, LabelledTexts], count: int) -> list[str]:
    """Return about as many texts of each part, `count` in all where there are that many."""
    queues = [list(rows.texts) for rows in parts.values()]
    sample: list[str] = []
    while len(sample) < count and any(queues):
        sample += [queue.pop() for queue in queues if queue]
    return sample[:count]
