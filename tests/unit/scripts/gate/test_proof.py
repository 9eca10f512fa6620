"""That the gate judges: a hundred draws of the bundled model's own answers.

Power. An equal model differs on 3 % of the rows each way, so one row's difference has a variance of
0.06, and its mean over 5,000 rows a standard error of 0.35 points; of one that is two points worse
it is 0.08 and 0.40. At the default margin of 1.5 points the equal model passes with probability
Φ(1.5 / 0.35 - 1.96) = 99 %, the worse one with Φ(-0.5 / 0.40 - 1.96) = 0.07 %. Whatever does not
pass is refused, never underpowered, because the interval's half-width, 0.8 points at most, is below
the margin.
"""

import numpy as np
import pytest

from scripts.data.forms import FORMS
from scripts.data.labelled_texts import read_labelled
from scripts.evaluate.evaluation import open_predictor
from scripts.evaluate.heads import answer
from scripts.evaluate.label_answers import LabelAnswers, label_codes
from scripts.gate.decision import judge
from scripts.gate.golden_set import GoldenSet
from scripts.gate.measurement import Measurement
from scripts.gate.settings import GateSettings
from scripts.train.config import load_config
from scripts.train.splits import split_rows
from tests.commands import REPOSITORY

pytestmark = [pytest.mark.model, pytest.mark.data, pytest.mark.alone]

POOL, ROWS, DRAWS = 6000, 5000, 100
DISAGREEMENT = 0.03
CONFIG = REPOSITORY / "scripts" / "train" / "configs" / "sentiment.toml"


@pytest.fixture(scope="module")
def pool(bundled_models, data):
    """Phrases that training has not seen, of four words or more, and what the model answers."""
    config = load_config(CONFIG)
    sst2 = next(dataset for dataset in config.datasets if dataset.name == "sst2")
    rows = read_labelled(data / sst2.path, config.labels)
    trained = set(split_rows(rows, sst2, config.seed).train)
    unseen = {
        rows.texts[row].strip(): config.labels[rows.labels[row]]
        for row in range(len(rows))
        if row not in trained and len(rows.texts[row].split()) >= 4
    }
    chosen = np.random.default_rng(3).permutation(len(unseen))[:POOL]
    texts = list(unseen)
    golden = GoldenSet(
        FORMS["label"], [texts[i] for i in chosen], [unseen[texts[i]] for i in chosen]
    )
    predictor = open_predictor(bundled_models / "sentiment")
    return (
        golden,
        answer(LabelAnswers, predictor, golden.rows, "phrases").probabilities,
        predictor.labels,
    )


def disagreeing(probabilities, truth, lost, generator):
    """Another model's answers: some right ones turned wrong, some wrong ones turned right."""
    right = probabilities.argmax(1) == truth
    turned = np.where(
        right, (DISAGREEMENT + lost) / right.mean(), DISAGREEMENT / (1 - right.mean())
    )
    turned = generator.random(len(truth)) < turned
    return np.where(turned[:, None], probabilities[:, ::-1], probabilities)


def judgements(pool, lost):
    """One a draw: other rows, and another model, each time."""
    golden, probabilities, labels = pool
    generator = np.random.default_rng(29)
    for _ in range(DRAWS):
        rows = generator.permutation(len(golden))[:ROWS]
        part = GoldenSet(
            FORMS["label"], [golden.texts[i] for i in rows], [golden.truth[i] for i in rows]
        )
        truth = label_codes(part.truth, labels)
        champion = probabilities[rows]
        candidate = disagreeing(champion, truth, lost, generator)
        old, new = (
            Measurement(
                *("sentiment", "version", "digest", labels),
                *(LabelAnswers(labels, answers, truth), None, 5.0, 1),
            )
            for answers in (champion, candidate)
        )
        yield judge(part, new, old, GateSettings())


def test_the_real_answers_leave_room_to_disagree(pool):
    golden, probabilities, labels = pool
    accuracy = (probabilities.argmax(1) == label_codes(golden.truth, labels)).mean()
    assert len(golden) == POOL
    assert 0.85 < accuracy < 0.95


def test_an_equal_model_is_accepted_95_times_in_100(pool):
    outcomes = [judgement.outcome for judgement in judgements(pool, lost=0.0)]
    assert outcomes.count("passed") >= 95


def test_a_model_two_points_worse_is_refused_for_its_accuracy_95_times_in_100(pool):
    decided = [
        (judgement.outcome, judgement.findings[0].requirement, judgement.findings[0].outcome)
        for judgement in judgements(pool, lost=0.02)
    ]
    assert decided.count(("refused", "accuracy", "refused")) >= 95
