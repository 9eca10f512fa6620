"""What else there is to see of an artifact that classifies texts, printed and told as JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.backend import Backend
from function.core.predictor import Predictor
from scripts.lifecycle.errors import MissingExtraError, UsageError
from scripts.training.agreement import OneByOne, compare
from scripts.training.behaviour import LABELS, check_behaviour, is_behaving
from scripts.training.evaluation import Evaluation, evaluate, open_predictor
from scripts.training.highlights import check_highlights
from scripts.training.sources import LabelledTexts

SEED = 7


def open_torch(artifact: Artifact, device: str | None = None) -> Backend:
    """Open an artifact with torch; device: as `TorchBackend` takes it.

    Raises MissingExtraError without torch, and what `TorchBackend` raises.
    """
    try:
        from function.backends.torch_backend import TorchBackend  # seconds of import
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed: pip install torch transformers safetensors"
        ) from error
    return TorchBackend(artifact, device=device)


def examine_agreement(path: Path, rows: LabelledTexts, torch: Evaluation) -> dict[str, Any]:
    """Of torch with the graph, and of the graph with itself, whose answers hang on the batch."""
    readings = {
        "onnx in batches": open_predictor(path),
        "onnx one by one": open_predictor(path, load_backend=lambda a: OneByOne(OnnxBackend(a, 0))),
    }
    batches, alone = (
        evaluate(predictor, rows, title=title) for title, predictor in readings.items()
    )
    found = {
        "torch, onnx in batches": compare(batches, torch),
        "torch, onnx one by one": compare(alone, torch),
        "onnx in batches, one by one": compare(batches, alone),
    }
    for name, agreement in found.items():
        print(f"{name:28} {agreement}")
    return {name: asdict(agreement) for name, agreement in found.items()}


def examine_behaviour(predictor: Predictor) -> list[dict[str, Any]]:
    """Every behavioural check. Raises UsageError where the model has other labels than theirs."""
    if not is_behaving(predictor.artifact.manifest):
        raise UsageError(
            f"--behaviour: the checks are sentences for the labels {' and '.join(LABELS)}; "
            f"the model's are {', '.join(predictor.labels)}"
        )
    checks = check_behaviour(predictor)
    for check in checks:
        print(f"{check.name:26} {check.figure:.3f}  {'; '.join(check.failures)}")
    return [asdict(check) for check in checks]


def examine_highlights(predictor: Predictor, rows: LabelledTexts, count: int) -> dict[str, Any]:
    """Whether the words that are highlighted in so many of the texts matter."""
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    highlighting = check_highlights(predictor, [rows.texts[row] for row in order])
    print(
        f"{'highlights':26} in {highlighting.share:.1%} of {highlighting.texts} texts, five top "
        "words matter more than five random ones"
    )
    return asdict(highlighting)
