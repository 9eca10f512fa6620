"""Teachers of a distillation: artifacts, and checkpoints that classify texts.

An answer is an array of logits in half precision: (1, labels) of a text, or, where entities are
found, the logarithms of the tags' probabilities, (words, tags); (0, labels) of a text without
tokens.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, open_artifact, verify
from function.core.backend import Backend, pad
from function.core.decoding import tag_probabilities
from function.core.entities import read_transitions
from function.core.errors import ArtifactError
from function.core.heads import CrfDecoding
from function.core.manifest import MANIFEST
from function.core.predictor import Predictor
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from function.core.windows import window_spans
from function.core.word_emissions import build_words
from scripts.common.errors import UsageError
from scripts.evaluate.evaluation import load_verified
from scripts.train.base_checkpoint import (
    CONFIG,
    load_classifier,
    loading,
    longest_window,
    save_tokenizer,
)
from scripts.train.cache import cache_key
from scripts.train.config import DistillationConfig, TrainConfig
from scripts.train.tags import first_tokens, tags_of

LEAST = 1e-30  # a probability of nought would have no logarithm
ARCHITECTURE = "ForSequenceClassification"

Answer = npt.NDArray[np.float16]
CountTokens = Callable[[str], int]
Ask = Callable[[Sequence[str]], Sequence[npt.NDArray[np.floating[Any]]]]  # texts with tokens


@dataclass(frozen=True)
class Teacher:
    """A model that a student learns from; nothing of it is shipped."""

    name: str  # its folder's
    digest: str  # of its files, and of the settings that its answers depend on
    columns: Sequence[str]  # labels or tags, in the order of its answers
    origin: dict[str, Any]  # the part of a provenance that names it
    load: Callable[[], tuple[CountTokens, Ask]]  # for texts that the cache does not have


def open_teacher(folder: Path, config: TrainConfig, settings: DistillationConfig) -> Teacher:
    """Open an artifact or a checkpoint. Raises UsageError where it cannot teach this model."""
    if (folder / MANIFEST).is_file():
        teacher = _artifact(folder, config)
    elif (folder / CONFIG).is_file():
        teacher = _checkpoint(folder, config, settings)
    else:
        raise UsageError(
            f"distillation.teacher {folder}: neither an artifact ({MANIFEST}) nor a checkpoint "
            f"({CONFIG}) is there: train it first, or remove [distillation]"
        )
    entities = config.task == "token-classification"
    wanted = tags_of(config.labels) if entities else config.labels
    if sorted(teacher.columns) != sorted(wanted):
        what = "tags" if entities else "labels"
        raise UsageError(
            f"distillation.teacher {folder}: its {what} are {', '.join(teacher.columns)}; the "
            f"model's are {', '.join(wanted)}. They must have the same names, in any order"
        )
    return teacher


def _artifact(folder: Path, config: TrainConfig) -> Teacher:
    artifact = open_artifact(folder)
    verify(artifact)
    manifest = artifact.manifest
    if manifest.task != config.task:
        raise UsageError(
            f"distillation.teacher {folder}: its task is {manifest.task}, the model's {config.task}"
        )
    crf = manifest.decoding if isinstance(manifest.decoding, CrfDecoding) else None
    if crf is None and manifest.decoding.kind != "softmax":
        raise UsageError(
            f"distillation.teacher {folder}: its decoding is {manifest.decoding.kind}: give one of "
            "softmax or crf"
        )

    def load() -> tuple[CountTokens, Ask]:
        predictor = load_verified(artifact, load_backend=_backend)
        ask = _ask_entities(predictor, crf) if crf else _ask_labels(predictor)
        return lambda text: len(predictor.tokenise(text).ids), ask

    name = folder.resolve().name
    sets = manifest.provenance.get("datasets", {})
    origin = {"name": name, "sha256": artifact.digest, "version": artifact.version}
    columns = crf.tags if crf else manifest.labels
    return Teacher(name, artifact.digest, columns, {**origin, "datasets": sets}, load)


def _backend(artifact: Artifact) -> Backend:
    """Open a model on a GPU where torch has one and knows the model, else its graph."""
    if torch.cuda.is_available():
        from function.backends.torch_backend import TorchBackend

        try:
            return TorchBackend(artifact)
        except ArtifactError:  # no transformers model
            pass
    return OnnxBackend(artifact, threads=0)


def _ask_labels(predictor: Predictor) -> Ask:
    """Return calibrated logits as they are served: of a cascade, its blend."""

    def ask(texts: Sequence[str]) -> list[npt.NDArray[np.float64]]:
        answers = []
        for prediction in predictor.classify(texts, Options(activation="none")):
            scores = {each.label: each.score for each in prediction.scores}
            answers.append(np.array([[scores[label] for label in predictor.labels]]))
        return answers

    return ask


def _ask_entities(predictor: Predictor, crf: CrfDecoding) -> Ask:
    """Return logarithms of the probabilities of words' tags."""
    transitions = read_transitions(predictor.artifact, len(crf.tags), crf.temperature)
    tokenizer = TextTokenizer(predictor.artifact.file("tokenizer"))

    def ask(texts: Sequence[str]) -> list[npt.NDArray[np.float64]]:
        inputs = predictor.encode(texts, Options())
        outputs = iter(predictor.run(inputs.windows))
        answers = []
        for text in inputs.texts:
            words = build_words(text, [next(outputs) for _ in text.windows], len(tokenizer.prefix))
            emissions = words.emissions[None] / crf.temperature
            length = np.array([emissions.shape[1]])
            answer = np.log(tag_probabilities(emissions, length, transitions)[0].clip(LEAST))
            # Words behind the last window, which no student reads: an answer that says nothing.
            beyond = len(first_tokens(text.encoded)) - len(answer)
            answers.append(np.pad(answer, ((0, beyond), (0, 0))))
        return answers

    return ask


def _checkpoint(folder: Path, config: TrainConfig, settings: DistillationConfig) -> Teacher:
    try:
        described = dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise UsageError(f"distillation.teacher {folder}: its {CONFIG}: {error}") from error
    architecture = (described.get("architectures") or ["no architecture"])[0]
    if config.task != "text-classification" or not architecture.endswith(ARCHITECTURE):
        raise UsageError(
            f"distillation.teacher {folder}: a checkpoint of {architecture}; one of "
            f"…{ARCHITECTURE} can teach to classify texts. Give an artifact for anything else"
        )
    names = described.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    try:
        labels = [names[str(code)] for code in range(len(names))]
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"distillation.teacher {folder}: id2label in its {CONFIG} must number labels from 0"
        ) from error
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        with file.open("rb") as opened:
            digest.update(file.name.encode() + hashlib.file_digest(opened, "sha256").digest())
    origin = {"name": folder.resolve().name, "sha256": digest.hexdigest()}
    key = cache_key(origin["sha256"], f"{settings.max_tokens} {settings.bfloat16}")
    return Teacher(origin["name"], key, labels, origin, lambda: _load(folder, settings))


def _load(folder: Path, settings: DistillationConfig) -> tuple[CountTokens, Ask]:
    with TemporaryDirectory() as scratch:
        tokenizer = TextTokenizer(save_tokenizer(str(folder), Path(scratch)))
    with loading(str(folder)):
        model, missing = load_classifier(folder)
    if missing:
        raise UsageError(f"distillation.teacher {folder}: its weights lack {missing[0]}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device).eval()
    capacity = min(settings.max_tokens, longest_window(model)) - tokenizer.special_tokens

    @torch.inference_mode()
    def ask(texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        windows = []
        for encoded in tokenizer.encode(texts):
            (spans,) = window_spans(len(encoded.ids), capacity, 0, "head_tail", 1)
            ids = np.concatenate([encoded.ids[start:stop] for start, stop in spans])
            windows.append(tokenizer.with_special_tokens(ids))
        batch = [torch.from_numpy(each).to(device) for each in pad(windows, tokenizer.pad_id)]
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
            logits = model(input_ids=batch[0], attention_mask=batch[1]).logits
        return list(logits.float().cpu().numpy()[:, None])

    return lambda text: len(tokenizer.encode([text])[0].ids), ask
