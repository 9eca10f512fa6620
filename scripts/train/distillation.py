"""Distillation: what teachers answer to the training texts, and to texts without labels.

training texts ──────────┐
unlabelled texts ────────┼► teachers, cached ─► mean probabilities ─► `Teaching`
counterfactual groups ───┘                      (of a group: one)
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from function.core.decoding import activate
from scripts.train.architectures.architecture import TrainingRun
from scripts.train.batches import Teaching
from scripts.train.config import DistillationConfig, TrainConfig
from scripts.train.corpus import load_taught
from scripts.train.counterfactuals import counterfactual_groups
from scripts.train.tags import tags_of
from scripts.train.teacher import LEAST, Teacher, open_teacher
from scripts.train.teacher_answers import ask_teacher

Floats = npt.NDArray[np.float64]


def teach(run: TrainingRun) -> Teaching | None:
    """Return the answers that the run's model learns; None without `[distillation]`.

    Raises UsageError for a teacher that is none, or has other labels.
    """
    config, settings = run.config, run.config.distillation
    if settings is None:
        return None
    teachers = [open_teacher(Path(folder), config, settings) for folder in settings.teacher]
    labelled = list(zip(run.corpus.train.texts, run.corpus.taught, strict=True))
    taught = [text for text, asked in labelled if asked]
    fresh = load_taught(settings.unlabelled, config, run.corpus, run.data)
    groups = counterfactual_groups(config, [*run.corpus.train.texts, *fresh])
    inside = [text for group in groups for text in group]
    answers = _mean_answers(teachers, [*taught, *fresh, *inside], config)
    texts, chances, weights = [], [], []
    silence = np.zeros((0, len(_columns(config))))
    for text, asked in labelled:
        chances.append(answers[text] if asked else silence)
        weights.append(settings.weight if len(chances[-1]) else 0.0)
    for group in [*([text] for text in fresh), *groups]:
        known = [text for text in group if len(answers[text])]
        texts += known
        chances += [np.mean([answers[text] for text in known], axis=0)] * len(known)
        weights += [1.0] * len(known)
    entities = config.task == "token-classification"
    logits = [_logits(each, entities=entities) for each in chances]
    origin = [teacher.origin for teacher in teachers]
    return Teaching(texts, logits, weights, settings.temperature, origin)


def recorded_teachers(settings: DistillationConfig | None) -> DistillationConfig | None:
    """Return settings that name teachers, never by their paths on this machine."""
    names = [Path(folder).resolve().name for folder in settings.teacher] if settings else []
    return settings and settings.model_copy(update={"teacher": names})


def _mean_answers(
    teachers: Sequence[Teacher], texts: Sequence[str], config: TrainConfig
) -> dict[str, Floats]:
    """Return the teachers' mean probabilities of each text, in the order of the model's labels."""
    total: dict[str, Floats] = {}
    for teacher in teachers:
        columns = [teacher.columns.index(name) for name in _columns(config)]
        for text, answer in ask_teacher(teacher, texts).items():
            own = activate(answer[:, columns].astype(np.float64), "softmax")
            total[text] = total[text] + own if text in total else own
    return {text: each / len(teachers) for text, each in total.items()}


def _columns(config: TrainConfig) -> list[str]:
    entities = config.task == "token-classification"
    return tags_of(config.labels) if entities else config.labels


def _logits(chances: Floats, *, entities: bool) -> npt.NDArray[np.float32]:
    """Return (labels,) of a text, or (words, tags); zeros of a text without an answer."""
    logits: npt.NDArray[np.float32] = np.log(chances.clip(LEAST)).astype(np.float32)
    if entities:
        return logits
    return logits[0] if len(logits) else np.zeros(logits.shape[1], dtype=np.float32)
