"""A cascade's first stage, learnt from training texts and kept where its proof says that it may.

training texts ─► first stage (`ngram_table.py`)
validation texts ─► both stages ─► P(right), blend, threshold ─► proof (`cascade_proof.py`)
short ones ─► the full model ─► its temperature
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from function.core.artifact import Artifact, describe_files
from function.core.decoding import activate
from function.core.manifest import Cascade
from function.core.predictor import Predictor
from function.core.tokenization import TokenIds
from function.core.types import Options
from scripts.common.progress import log
from scripts.data.labelled_texts import LabelledTexts
from scripts.evaluate.evaluation import label_scores, predict_shortest_first
from scripts.evaluate.metrics import fit_temperature
from scripts.train.cascade_proof import UNFITTED, Answers, choose
from scripts.train.ngram_table import Codes, Floats, Table, learn_table

FILE = "cascade.safetensors"  # of the first stage
BATCH = 32
PENALTIES = (1.0, 4.0)  # of which the validation texts choose
MIXED, PHRASE = 100, 15  # tokens of a long text, and how many times shorter a phrase is
LEAST_TEXTS = 2500  # of a proof
LEAST_ALONE = 500  # texts that a temperature is fitted on, to within a tenth

Vector = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class LearntCascade:
    """A first stage that was proved, and how it is used.

    Attributes:
        temperature: of the full model's answers to the texts that it reads alone.
    """

    table: Table
    settings: Cascade
    temperature: float

    def write(self, draft: Artifact) -> Artifact:
        """Add it to an artifact whose manifest is not written yet, and return that."""
        self.table.save(draft.path / FILE)
        changes = {
            "schema_version": 2,
            "files": draft.manifest.files | describe_files(draft.path, [(FILE, "first_stage")]),
            "decoding": draft.manifest.decoding.model_copy(
                update={"temperature": self.temperature}
            ),
            "cascade": self.settings,
        }
        return replace(draft, manifest=draft.manifest.model_copy(update=changes))


def learn_cascade(
    predictor: Predictor,
    training: LabelledTexts,
    validation: Mapping[str, LabelledTexts],
    seed: int,
    *,
    truth: bool = True,
) -> LearntCascade | None:
    """Learn, fit and prove a cascade for a model; None, with the reason logged, if it is dropped.

    `validation` has, by data set, texts that neither stage was trained on. Without `truth` labels
    are the full model's own answers, with which the first stage then has to agree.
    """
    names = [name for name, rows in validation.items() for _ in range(len(rows))]
    texts = [text for rows in validation.values() for text in rows.texts]
    if len(texts) < LEAST_TEXTS:
        log(f"no cascade: a proof takes {LEAST_TEXTS:,} validation texts, here are {len(texts):,}")
        return None
    held_out = [predictor.tokenise(text).ids for text in texts]
    lengths = np.array([len(text) for text in held_out])
    labels = np.array([code for rows in validation.values() for code in rows.labels])
    full = full_logits(predictor, texts, "cascade: the full model on validation texts")
    # By tokens, as long texts cost the full model most. What is proved of two cascades differs by
    # chance more than this does.
    asked = ((table, _ask(table, held_out)) for table in _learn_tables(predictor, training, seed))
    best = max(
        asked,
        key=lambda each: lengths[each[1].argmax(axis=1) == labels].sum(),
        default=None,
    )
    learnt = None
    if best:
        answers = Answers(best[1], full, lengths, labels)
        settings = choose(answers, names, predictor.labels, truth=truth)
        temperature = predictor.artifact.manifest.decoding.temperature
        learnt = LearntCascade(best[0], settings, temperature) if settings else None
    if learnt and truth:
        learnt = temper(learnt, full, lengths, labels)
    log(_sentence(learnt))
    return learnt


def temper(learnt: LearntCascade, full: Floats, lengths: Codes, truth: Codes) -> LearntCascade:
    """Return a cascade with the temperature that fits texts that the full model answers alone.

    They are short. A temperature of all texts is that of the long ones, whose answers the blend
    calibrates itself.

    Args:
        full: (texts, labels) calibrated logits of the full model on validation texts.
        lengths: (texts,) tokens of each.
        truth: (texts,) codes of labels.
    """
    alone = lengths < learnt.settings.least_tokens
    if alone.sum() < LEAST_ALONE:
        return learnt
    factor = fit_temperature(activate(full[alone], "softmax"), truth[alone])
    blend = learnt.settings.blend
    blend = blend.model_copy(update={"full": blend.full * factor})  # of logits a factor smaller
    settings = learnt.settings.model_copy(update={"blend": blend})
    return replace(learnt, settings=settings, temperature=round(learnt.temperature * factor, 4))


def _learn_tables(predictor: Predictor, training: LabelledTexts, seed: int) -> Iterator[Table]:
    """Yield the first stages to choose from: of all texts or long ones, with each penalty."""
    ids = [predictor.tokenise(text).ids for text in training.texts]
    codes, count = np.array(training.labels), len(predictor.labels)
    lengths = _least_lengths(np.array([len(text) for text in ids]))
    for least, penalty in product(lengths, PENALTIES):
        rows = [row for row, text in enumerate(ids) if len(text) >= least]
        if len(set(codes[rows].tolist())) == count:
            yield learn_table([ids[row] for row in rows], codes[rows], count, seed, penalty)


def _ask(table: Table, texts: Sequence[TokenIds]) -> Floats:
    """Return the logits, (texts, labels), of a first stage."""
    stage = table.first_stage(UNFITTED)
    return np.stack([stage.logits(text) for text in texts])


def _least_lengths(lengths: Codes) -> list[int]:
    """Return lengths from which texts are learnt from: phrases can spoil what long texts teach."""
    long = float(np.quantile(lengths, 0.95))
    return [1, round(long / PHRASE)] if long >= MIXED else [1]


def _sentence(found: LearntCascade | None) -> str:
    if found is None:
        return "no cascade: none is surely as good as the full model and answers enough texts"
    proof = found.settings.proof
    low, high = (100 * end for end in proof["interval"])
    return (
        f"cascade: the first stage answers {proof['share']:.1%} of {proof['texts']:,} texts; "
        f"{proof['accuracy']:.2%} right, {proof['full_accuracy']:.2%} by the full model "
        f"({low:+.2f} to {high:+.2f} points)"
    )


def add_sure(
    training: LabelledTexts, texts: Sequence[str], logits: Sequence[Vector], least: float
) -> LabelledTexts:
    """Add texts without labels to those that the first stage learns from.

    Their labels are a teacher's answers, of those with a probability of `least` or more.
    """
    chances = [activate(np.asarray(row, dtype=np.float64), "softmax") for row in logits]
    sure = [row for row, chance in enumerate(chances) if chance.max() >= least]
    log(f"cascade: {len(sure):,} of {len(texts):,} unlabelled texts have a sure answer")
    labels = [int(chances[row].argmax()) for row in sure]
    return LabelledTexts(
        [*training.texts, *(texts[row] for row in sure)], [*training.labels, *labels], []
    )


def full_logits(predictor: Predictor, texts: Sequence[str], title: str) -> Floats:
    """Return the full model's calibrated logits, (texts, labels)."""
    options = Options(activation="none", cascade="off")
    found = predict_shortest_first(predictor, texts, title, batch=BATCH, options=options)
    return label_scores([asdict(each) for each in found], predictor.labels)
