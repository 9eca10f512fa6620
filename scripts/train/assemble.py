"""From a trained model to a finished artifact: export, choose, calibrate, measure, write once."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, SoftmaxDecoding
from function.core.tokenization import LongText
from scripts.data.labelled_texts import LabelledTexts, read_labelled
from scripts.evaluate.evaluation import Evaluation, evaluate, open_predictor
from scripts.evaluate.metrics import accuracy, figures, fit_temperature, rescale
from scripts.evaluate.profile import reference_profile
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.config import TrainConfig
from scripts.train.corpus import Corpus, locate
from scripts.train.export import check_parity
from scripts.train.manifest import (
    draft_manifest,
    export_anew,
    finish,
    now,
    tokenization,
    write_manifest,
)
from scripts.train.provenance import provenance

STRATEGIES: tuple[LongText, ...] = ("window", "head_tail", "truncate")
PARITY_TEXTS = 2000


def assemble(
    config: TrainConfig,
    corpus: Corpus[LabelledTexts],
    trained: TrainedModel,
    data: Path,
    output: Path,
) -> tuple[dict[str, Any], dict[str, Evaluation]]:
    """Write `output/artifact`; returns the report of what was measured and chosen on the way, and
    the calibrated answers on each held-out data set.

    Nothing is chosen on a test file. Raises ExportError where the export is too far off.
    """
    folder = export_anew(config, trained, output)
    manifest = draft_manifest(
        folder, config.model, config.labels, tokenization(config, trained), now()
    )
    write_manifest(manifest, folder)
    sample = _sample(corpus.validation, PARITY_TEXTS)
    backend = OnnxBackend(Artifact(folder, manifest, digest=""), threads=0)
    parity = check_parity(trained, backend, sample, config.serving.max_tokens)

    strategies = {
        strategy: _evaluate_all(folder, corpus.validation, strategy) for strategy in STRATEGIES
    }
    chosen = max(STRATEGIES, key=lambda strategy: _mean_accuracy(strategies[strategy]))
    validation = strategies[chosen]
    together = np.concatenate([e.probabilities for e in validation.values()])
    truth = np.concatenate([e.truth for e in validation.values()])
    temperature = fit_temperature(together, truth)

    tests = _evaluate_all(folder, _test_sets(config, corpus, data), chosen)
    held_out = {f"{name}-validation": e for name, e in validation.items()} | tests
    evaluations = {
        name: Evaluation(rescale(e.probabilities, temperature), e.truth, e.tokens)
        for name, e in held_out.items()
    }
    calibrated = {name: figures(e.probabilities, e.truth) for name, e in evaluations.items()}
    rows = _join(corpus.validation)
    manifest = manifest.model_copy(
        update={
            "tokenization": manifest.tokenization.model_copy(update={"window": chosen}),
            "decoding": SoftmaxDecoding(temperature=temperature),
            "metrics": calibrated,
            "profile": reference_profile(
                _join_evaluations(validation, temperature), rows, trained.tokenizer, config.labels
            ),
            "provenance": provenance(config, data, {"parity": asdict(parity)}),
        }
    )
    finish(manifest, folder, output)
    report = {
        "parity": asdict(parity),
        "temperature": temperature,
        "long_text": {
            strategy: {name: figures(e.probabilities, e.truth) for name, e in results.items()}
            for strategy, results in strategies.items()
        },
        "chosen": chosen,
        "before_calibration": {
            name: figures(e.probabilities, e.truth) for name, e in held_out.items()
        },
        "after_calibration": calibrated,
    }
    return report, evaluations


def _evaluate_all(
    folder: Path, parts: dict[str, LabelledTexts], strategy: LongText
) -> dict[str, Evaluation]:
    predictor = open_predictor(folder)
    return {
        name: evaluate(predictor, rows, long_text=strategy, title=f"{name}, {strategy}")
        for name, rows in parts.items()
    }


def _test_sets(
    config: TrainConfig, corpus: Corpus[LabelledTexts], data: Path
) -> dict[str, LabelledTexts]:
    """Held-out parts of the training files, and the files that are there only to measure on."""
    parts = {f"{name}-test": rows for name, rows in corpus.test.items()}
    for name, path in config.evaluation.items():
        parts[name] = read_labelled(locate(data, path), config.labels)
    return parts


def _mean_accuracy(results: dict[str, Evaluation]) -> float:
    return float(np.mean([accuracy(e.probabilities, e.truth) for e in results.values()]))


def _sample(parts: dict[str, LabelledTexts], count: int) -> list[str]:
    """About as many texts of each part, `count` in all where there are so many."""
    queues = [list(rows.texts) for rows in parts.values()]
    sample: list[str] = []
    while len(sample) < count and any(queues):
        sample += [queue.pop() for queue in queues if queue]
    return sample[:count]


def _join(parts: dict[str, LabelledTexts]) -> LabelledTexts:
    return LabelledTexts(
        [text for rows in parts.values() for text in rows.texts],
        [label for rows in parts.values() for label in rows.labels],
        [],
    )


def _join_evaluations(parts: dict[str, Evaluation], temperature: float) -> Evaluation:
    return Evaluation(
        rescale(np.concatenate([e.probabilities for e in parts.values()]), temperature),
        np.concatenate([e.truth for e in parts.values()]),
        np.concatenate([e.tokens for e in parts.values()]),
    )
