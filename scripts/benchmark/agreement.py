"""The baseline's checkpoint, rebuilt from our artifact, and the proof that both are one model.

Both sides then hold the same numbers, so that speed is all that differs; if their answers differed,
comparing their speed would mean nothing.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from function.backends.weights import dequantise
from function.core.artifact import Artifact
from function.core.predictor import Predictor
from scripts.benchmark.plan import OFFLINE, Subject
from scripts.benchmark.processes import work
from scripts.common.errors import CommandError

SPECIAL_TOKENS = {
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
}
TOLERANCE = 0.05
# Plain words: where a model is undecided, rounding to eight bits alone may tip it.
TEXTS = (
    "A warm, funny film that never once talks down to us.",
    "An absolute delight from beginning to end, and the best film I have seen this year.",
    "Wonderful acting, a beautiful score and a story that moved everyone in the room. Superb!",
    "Terrible. A complete waste of time and money, boring from the first minute to the last.",
    "The worst film I have ever seen: awful acting, a stupid plot and dreadful dialogue.",
    "I hated it. Dull, lazy and badly made, with nothing at all to recommend it.",
)


def rebuild(artifact: Artifact, target: Path) -> None:
    """Write the folder that `transformers` opens, with the artifact's weights in full precision."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    weights = artifact.file("weights")
    with safe_open(weights, "numpy") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        transposed = json.loads((file.metadata() or {}).get("transposed", "[]"))
    try:
        parameters = dequantise(stored, transposed)
    except ValueError as error:
        raise CommandError(f"{weights}: {error}") from error
    save_file(parameters, target / "model.safetensors", metadata={"format": "pt"})
    config = json.loads(artifact.file("config").read_text(encoding="utf-8"))
    config.pop("architectures", None)  # it names what was trained from; the task says the class
    _write(target / "config.json", config)
    tokenizer = artifact.file("tokenizer")
    shutil.copyfile(tokenizer, target / "tokenizer.json")
    known = {token["content"] for token in json.loads(tokenizer.read_bytes())["added_tokens"]}
    special = {
        role: name for role, names in SPECIAL_TOKENS.items() for name in names if name in known
    }
    _write(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": artifact.manifest.tokenization.max_tokens,
            **special,
        },
    )


def check_agreement(subject: Subject, predictor: Predictor) -> float:
    """Return the largest difference of a probability. Raises CommandError if it is too large."""
    job = {"checkpoint": str(subject.checkpoint), "texts": TEXTS, "count": 0}
    answers = work("pipeline", job, OFFLINE)["answers"]
    temperature = predictor.artifact.manifest.decoding.temperature
    differences = []
    for text, answer in zip(TEXTS, answers, strict=True):
        (prediction,) = predictor.classify([text])
        ours = {entry.label: entry.score for entry in prediction.scores}
        differences.append(difference(ours, calibrated(answer, temperature)))
    return max(differences)


def difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return the largest difference of two answers. Raises CommandError for different models."""
    largest = max(abs(score - theirs.get(label, 0.0)) for label, score in ours.items())
    if largest > TOLERANCE or max(ours, key=ours.__getitem__) != max(
        theirs, key=theirs.__getitem__
    ):
        raise CommandError(
            f"the rebuilt checkpoint says {dict(theirs)} where the artifact says {dict(ours)}: "
            "they are not the same model, and nothing was measured"
        )
    return largest


def calibrated(answer: Sequence[dict[str, Any]], temperature: float) -> dict[str, float]:
    """Return a pipeline's probabilities at the artifact's temperature, which it does not know."""
    scores = np.array([entry["score"] for entry in answer]) ** (1 / temperature)
    shares = scores / scores.sum()
    return {entry["label"]: float(share) for entry, share in zip(answer, shares, strict=True)}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
