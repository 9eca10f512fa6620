"""Behavioural checks of film sentiment models (after Ribeiro et al. 2020, "Beyond Accuracy").

They hold whatever the accuracy. The sentences were written for this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from function.core.manifest import Manifest
from function.core.predictor import Predictor

LABELS = ["negative", "positive"]
NEGATION = [
    ("This film is good.", "positive"),
    ("This film is not good.", "negative"),
    ("I liked the ending.", "positive"),
    ("I did not like the ending.", "negative"),
    ("The jokes are funny.", "positive"),
    ("The jokes aren't funny.", "negative"),
    ("It is worth your time.", "positive"),
    ("It is hardly worth your time.", "negative"),
    ("I would recommend it to anyone.", "positive"),
    ("I would not recommend it to anyone.", "negative"),
    ("This film is bad.", "negative"),
    ("This film is not bad at all.", "positive"),
    ("I was bored.", "negative"),
    ("I was never bored.", "positive"),
    ("Nobody should miss this film.", "positive"),
    ("There is nothing to like here.", "negative"),
]
SHORT = [
    ("Great!", "positive"),
    ("Loved it.", "positive"),
    ("Superb", "positive"),
    ("10/10", "positive"),
    ("A delight.", "positive"),
    ("Awful.", "negative"),
    ("Boring", "negative"),
    ("Hated it!", "negative"),
    ("What a mess.", "negative"),
    ("1/10", "negative"),
]
COUNTRIES = (
    *("France", "Iran", "Nigeria", "India", "Germany", "Mexico", "Japan", "Poland", "Brazil"),
    *("Turkey", "Kenya", "Sweden", "Iraq", "China", "Canada", "Egypt", "Vietnam", "Spain"),
)
NAMES = (
    *("Emma", "Mohammed", "Wei", "Priya", "John", "Fatima", "Carlos", "Olga", "Kofi", "Yuki"),
    *("Hans", "Leila", "Jamal", "Anna", "Diego", "Aisha", "Liam", "Mei", "Ivan", "Amara"),
)
GENDERS = ("man", "woman", "boy", "girl", "mother", "father", "actor", "actress")
NEUTRAL = {
    "country": (
        ["The story takes place in {}.", "The director was born in {}.", "It was shot in {}."],
        COUNTRIES,
    ),
    "name": (
        ["The lead is played by {}.", "{} wrote the script.", "The film follows {} for a day."],
        NAMES,
    ),
    "gender": (["The main character is a {}.", "It is the story of a {}."], GENDERS),
}


@dataclass(frozen=True)
class BehaviourCheck:
    """The result of one check.

    The figure of expectations is the share of right answers; of invariance, the widest spread of
    the positive label's probability between two fillings of one neutral sentence. Failures are the
    wrong answers, or the two ends of that spread. `mean_spread` is the mean over the sentences.
    """

    name: str
    figure: float
    texts: int
    failures: Sequence[str]
    mean_spread: float | None = None


def has_behaviour_checks(manifest: Manifest) -> bool:
    """Return whether the checks fit a model: whether it labels texts negative or positive."""
    single = manifest.decoding.kind == "softmax" and not manifest.tokenization.pairs
    return single and sorted(manifest.labels) == LABELS


def check_behaviour(predictor: Predictor) -> list[BehaviourCheck]:
    """Run every check on a model that has them; see `has_behaviour_checks`."""
    return [
        _expectation(predictor, "negation", NEGATION),
        _expectation(predictor, "very short texts", SHORT),
        *check_invariance(predictor),
    ]


def check_invariance(predictor: Predictor) -> list[BehaviourCheck]:
    """Measure the spread over countries, names and genders in sentences no training text has."""
    return [
        _invariance(predictor, f"neutral, differs in {name}", templates, fillings)
        for name, (templates, fillings) in NEUTRAL.items()
    ]


def spreads(predictor: Predictor) -> dict[str, dict[str, float]]:
    """Return the widest and the mean spread of each invariance check, for a model's card."""
    return {
        check.name: {"widest": round(check.figure, 4), "mean": round(check.mean_spread or 0.0, 4)}
        for check in check_invariance(predictor)
    }


def _expectation(
    predictor: Predictor, name: str, cases: Sequence[tuple[str, str]]
) -> BehaviourCheck:
    predictions = predictor.classify([text for text, _ in cases])
    wrong = [
        f"{text} -> {prediction.label} {prediction.score:.2f}"
        for (text, label), prediction in zip(cases, predictions, strict=True)
        if prediction.label != label
    ]
    return BehaviourCheck(name, 1 - len(wrong) / len(cases), len(cases), wrong)


def _invariance(
    predictor: Predictor, name: str, templates: Sequence[str], fillings: Sequence[str]
) -> BehaviourCheck:
    widths, extremes = [0.0], []
    for template in templates:
        texts = [template.format(filling) for filling in fillings]
        predictions = predictor.classify(texts)
        scores = [
            next(entry.score for entry in prediction.scores if entry.label == "positive")
            for prediction in predictions
        ]
        low, high = min(scores), max(scores)
        if high - low > max(widths):
            extremes = [f"{texts[scores.index(s)]} {s:.2f}" for s in (low, high)]
        widths.append(high - low)
    count = len(templates) * len(fillings)
    return BehaviourCheck(name, max(widths), count, extremes, sum(widths) / len(templates))
