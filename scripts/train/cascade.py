"""A cascade: learnt, fitted, and proved on texts that neither of its stages has seen.

    training texts ─► first stage (`ngram_table.py`)
    validation texts ─► both stages ─► P(right), blend, threshold ─► proof: kept or dropped

What is fitted on one half of the validation texts is proved on the other, both ways.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from function.core.artifact import Artifact, Blend, Cascade, describe_files
from function.core.decoding import activate
from function.core.predictor import Predictor
from function.core.types import Options
from scripts.common.progress import Progress, log
from scripts.data.labelled_texts import LabelledTexts
from scripts.evaluate.metrics import wilson_interval
from scripts.evaluate.paired import compare_paired, holm
from scripts.train.ngram_table import BUCKETS, Bools, Codes, Floats, Table, learn_table

FILE = "cascade.safetensors"  # of the first stage
BATCH = 32
PENALTIES = (1.0, 4.0)  # of which the validation texts choose
MIXED, PHRASE = 100, 15  # tokens of a long text, and how many times shorter a phrase is
CHEAP = (0.01, 0.02, 0.05)  # of all tokens: what the shortest texts may hold that it leaves out
LEAST_TEXTS = 2500  # of a proof
LEAST_SHARE = 0.2  # answered by the first stage, else it is not worth its bytes
MARGIN = -0.005  # the accuracy's difference is surely higher
LEAST_AGREEMENT = 0.99  # with the full model, on texts that the first stage answers
SLACK = 0.001  # of accuracy, for which more texts are answered first
SEED = 17
THRESHOLDS = np.round(np.arange(0.80, 0.996, 0.005), 4)


Rows = npt.NDArray[np.intp]
Vector = npt.NDArray[np.floating[Any]]

# Of a first stage whose logits are asked for before anything is fitted.
UNFITTED = Cascade(
    kind="ngrams",
    buckets=BUCKETS,
    certainty=(0.0, 0.0, 0.0, 0.0),
    threshold=1.0,
    blend=Blend(full=1.0, first=0.0),
    proof={},
)


@dataclass(frozen=True)
class Answers:
    """Both stages on validation texts, with the truth."""

    first: Floats  # (texts, labels) logits of the first stage
    full: Floats  # (texts, labels) calibrated logits of the full model
    tokens: Codes  # (texts,) of each whole text
    truth: Codes  # (texts,) codes of labels

    def __len__(self) -> int:
        return len(self.truth)

    def select(self, rows: Rows) -> "Answers":
        return Answers(self.first[rows], self.full[rows], self.tokens[rows], self.truth[rows])


@dataclass(frozen=True)
class LearntCascade:
    """A first stage that was proved, and how it is used."""

    table: Table
    settings: Cascade

    def write(self, draft: Artifact) -> Artifact:
        """Add it to an artifact whose manifest is not written yet, and return that."""
        self.table.save(draft.path / FILE)
        files = draft.manifest.files | describe_files(draft.path, [(FILE, "first_stage")])
        changes = {"schema_version": 2, "files": files, "cascade": self.settings}
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

    Args:
        predictor: of the full model.
        training: texts that the first stage learns from.
        validation: by data set, texts that neither stage was trained on.
        seed: of the linear model.
        truth: whether labels are the truth, or the full model's own answers, with which the first
            stage then has to agree.
    """
    names = [name for name, rows in validation.items() for _ in range(len(rows))]
    texts = [text for rows in validation.values() for text in rows.texts]
    if len(texts) < LEAST_TEXTS:
        log(f"no cascade: a proof takes {LEAST_TEXTS:,} validation texts, here are {len(texts):,}")
        return None
    ids = [predictor.tokenise(text).ids for text in training.texts]
    codes = np.array(training.labels)
    held_out = [predictor.tokenise(text).ids for text in texts]
    lengths = np.array([len(text) for text in held_out])
    full = full_logits(predictor, texts, "cascade: the full model on validation texts")
    labels = np.array([code for rows in validation.values() for code in rows.labels])
    best: LearntCascade | None = None
    lengths_learnt = _least_lengths(np.array([len(text) for text in ids]))
    for least, penalty in product(lengths_learnt, PENALTIES):
        rows = [row for row, text in enumerate(ids) if len(text) >= least]
        if len(set(codes[rows].tolist())) < len(predictor.labels):
            continue
        table = learn_table(
            [ids[row] for row in rows], codes[rows], len(predictor.labels), seed, penalty
        )
        stage = table.first_stage(UNFITTED)
        first = np.stack([stage.logits(text) for text in held_out])
        answers = Answers(first, full, lengths, labels)
        settings = choose(answers, names, predictor.labels, truth=truth)
        if settings and (best is None or _rank(settings, names) > _rank(best.settings, names)):
            best = LearntCascade(table, settings)
    log(_sentence(best))
    return best


def _rank(settings: Cascade, parts: Iterable[str]) -> tuple[bool, float]:
    """Return what makes a cascade better: a point of accuracy is worth thirty of share."""
    proof = settings.proof
    return _spares(proof, parts), 30 * proof["accuracy"] + proof["share"]


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
    rows: dict[int, list[float]] = {}
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    with Progress(title, len(texts)) as progress:
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            options = Options(activation="none", cascade="off")
            found = predictor.classify([texts[row] for row in chosen], options)
            for row, prediction in zip(chosen, found, strict=True):
                scores = {each.label: each.score for each in prediction.scores}
                rows[row] = [scores[label] for label in predictor.labels]
            progress.advance(len(chosen))
    return np.array([rows[row] for row in range(len(texts))])


def choose(
    answers: Answers, parts: Sequence[str], labels: Sequence[str], *, truth: bool = True
) -> Cascade | None:
    """Fit, choose the threshold and prove it; None where a cascade is not surely good enough.

    Of what is proved it takes the threshold and the least length with which the first stage
    answers most, within `SLACK` of the best accuracy; where some are surely no worse on every data
    set, of those alone. What is fitted on one half is proved on the other.

    Args:
        answers: of validation texts.
        parts: (texts,) name of the data set of each, whose accuracies are compared one by one.
        labels: names.
        truth: see `learn_cascade`.
    """
    halves = np.random.default_rng(SEED).permutation(len(answers)) % 2 == 0
    found = []
    for least, threshold in product(_short(answers.tokens), THRESHOLDS.tolist()):
        sure, right = np.zeros((2, len(answers)), dtype=bool)
        for proved in (halves, ~halves):
            rows = np.flatnonzero(proved)
            settings = fit_settings(answers.select(np.flatnonzero(~proved)), threshold, least)
            sure[rows], right[rows] = _answer(settings, answers.select(rows))
        proof = prove(answers, sure, right, _slices(answers, parts, labels))
        if proof["kept"] and (truth or _agrees(right[sure])):
            found.append((least, threshold, proof))
    if not found:
        return None
    gentle = [each for each in found if _spares(each[2], parts)] or found
    best = max(proof["accuracy"] for *_, proof in gentle)
    least, threshold, proof = max(
        (each for each in gentle if each[2]["accuracy"] >= best - SLACK),
        key=lambda each: each[2]["share"],
    )
    curve = [[at, each["share"], each["accuracy"]] for of, at, each in found if of == least]
    settings = fit_settings(answers, threshold, least)
    return settings.model_copy(update={"proof": proof | {"curve": curve}})


def _short(tokens: Codes) -> list[int]:
    """Return 1 and the lengths below which texts hold a `CHEAP` share of all tokens."""
    ordered = np.sort(tokens)
    shorter = np.cumsum(ordered) - ordered
    lengths = (int(ordered[shorter <= share * ordered.sum()][-1]) for share in CHEAP)
    return sorted({1, *lengths})


def prove(
    answers: Answers,
    sure: Bools,
    right: Bools,
    slices: Mapping[str, Bools],
) -> dict[str, Any]:
    """Return how the cascade compares with the full model, and whether it may be kept.

    It is kept where the first stage answers enough texts, the difference of accuracies is surely
    above `MARGIN`, and no slice is surely worse (McNemar's test, with Holm's correction).

    Args:
        answers: of texts that nothing was fitted on.
        sure: (texts,) the first stage answers.
        right: (texts,) the cascade's answer is right.
        slices: (texts,) of each slice by its name.
    """
    full = answers.full.argmax(axis=1) == answers.truth
    whole = compare_paired(right, full)
    compared = {name: compare_paired(right[rows], full[rows]) for name, rows in slices.items()}
    worse = holm({name: each.p_value for name, each in compared.items() if each.difference < 0})
    share = float(sure.mean())
    return {
        "kept": share >= LEAST_SHARE and whole.low > MARGIN and not worse,
        "texts": len(answers),
        "share": round(share, 4),
        "accuracy": round(float(right.mean()), 5),
        "full_accuracy": round(float(full.mean()), 5),
        "difference": round(whole.difference, 5),
        "interval": [round(whole.low, 5), round(whole.high, 5)],
        "worse": sorted(worse),
        "slices": {
            name: {
                "texts": int(rows.sum()),
                "share": round(float(sure[rows].mean()), 4),
                "difference": round(compared[name].difference, 5),
                "low": round(compared[name].low, 5),
            }
            for name, rows in slices.items()
        },
    }


def _spares(proof: Mapping[str, Any], parts: Iterable[str]) -> bool:
    """Return whether it is surely no worse on every data set, not on all together alone."""
    return all(proof["slices"][name]["low"] > MARGIN for name in set(parts))


def _agrees(right: Bools) -> bool:
    """Return whether the first stage surely agrees with the full model on what it answers."""
    return wilson_interval(int(right.sum()), len(right))[0] >= LEAST_AGREEMENT


def _slices(answers: Answers, parts: Sequence[str], labels: Sequence[str]) -> dict[str, Bools]:
    """Return the rows of each data set, label, and third of the lengths that has rows."""
    short, long = np.quantile(answers.tokens, [1 / 3, 2 / 3])
    slices = {name: np.array([part == name for part in parts]) for name in dict.fromkeys(parts)}
    slices |= {f"label {name}": answers.truth == code for code, name in enumerate(labels)}
    slices |= {"short": answers.tokens <= short, "long": answers.tokens > long}
    return {name: rows for name, rows in slices.items() if rows.any()}


def _answer(settings: Cascade, answers: Answers) -> tuple[Bools, Bools]:
    """Return which texts the first stage answers, and which the cascade answers rightly."""
    sure = _sure(settings, answers)
    blended = settings.blend.full * answers.full + settings.blend.first * answers.first
    alone = answers.tokens < settings.least_tokens
    logits = np.select([sure[:, None], alone[:, None]], [answers.first, answers.full], blended)
    return sure, logits.argmax(axis=1) == answers.truth


def fit_settings(answers: Answers, threshold: float, least_tokens: int = 1) -> Cascade:
    """Fit P(right) on texts that are long enough, and the blend on those that are left of them."""
    answers = answers.select(np.flatnonzero(answers.tokens >= least_tokens))
    margins, right = _margins(answers.first), answers.first.argmax(axis=1) == answers.truth
    lengths = np.log(np.maximum(answers.tokens, 1))
    features = np.column_stack([margins, lengths, margins * lengths])
    spread = np.maximum(features.std(axis=0), 1e-9)
    model = LogisticRegression(C=10.0, max_iter=1000).fit(features / spread, right)
    constant, (margin, length, both) = model.intercept_[0], model.coef_[0] / spread
    certainty = (float(constant), float(margin), float(length), float(both))
    settings = UNFITTED.model_copy(
        update={"certainty": certainty, "threshold": threshold, "least_tokens": least_tokens}
    )
    left = ~_sure(settings, answers)
    return settings.model_copy(update={"blend": _fit_blend(answers.select(np.flatnonzero(left)))})


def _fit_blend(answers: Answers) -> Blend:
    """Return the weights of both logits that make the truth most likely."""
    if not len(answers):
        return Blend(full=1.0, first=0.0)

    def loss(weights: Floats) -> float:
        logits = weights[0] * answers.full + weights[1] * answers.first
        total = np.logaddexp.reduce(logits, axis=1)
        return float((total - logits[np.arange(len(answers)), answers.truth]).mean())

    full, first = minimize(loss, np.array([1.0, 0.5]), method="Nelder-Mead").x
    return Blend(full=max(float(full), 0.0), first=max(float(first), 0.0))


def _sure(settings: Cascade, answers: Answers) -> Bools:
    margins = _margins(answers.first)
    chances = [
        settings.right(float(margin), int(tokens))
        for margin, tokens in zip(margins, answers.tokens, strict=True)
    ]
    return (np.array(chances) >= settings.threshold) & (answers.tokens >= settings.least_tokens)


def _margins(logits: Floats) -> Floats:
    ordered = np.sort(logits, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])
