"""One number a text: of the tiny artifact, whose one logit is the sum of its words' values."""

import math

import pytest

from function.core.errors import ArtifactError, InputError
from function.core.heads import ScoreDecoding
from function.core.types import Options
from scripts.evaluate.evaluation import open_predictor
from tests.tiny import write_artifact

RAW, SHARE = ScoreDecoding(activation="none"), ScoreDecoding(activation="sigmoid")


def answer(make_predictor, decoding, text="good fine film", **options):
    predictor = make_predictor(decoding=decoding, labels=["stars"])
    return predictor.predict([text], Options(**options))[0][0]


@pytest.mark.parametrize(
    ("decoding", "expected"), [(RAW, 4.0), (SHARE, 1 / (1 + math.exp(-4)))], ids=["raw", "sigmoid"]
)
def test_the_number_is_the_output_or_its_sigmoid(make_predictor, decoding, expected):
    found = answer(make_predictor, decoding)
    assert (found.score, found.certainty) == (pytest.approx(expected), pytest.approx(expected))
    assert [(each.label, each.score) for each in found.scores] == [("stars", found.score)]


def test_another_activation_is_answered_where_it_is_asked_for(make_predictor):
    found = answer(make_predictor, SHARE, activation="none")
    assert (found.score, found.certainty) == (4.0, pytest.approx(1 / (1 + math.exp(-4))))


def test_the_words_that_raise_the_number_are_highlighted(make_predictor):
    found = answer(make_predictor, RAW, "the good film", explain=True)
    assert {each.start: each.weight for each in found.highlights}[4] == pytest.approx(math.tanh(1))


def test_there_are_no_labels_to_rank_and_no_words_to_tag(make_predictor):
    with pytest.raises(InputError, match="top_k: this model gives a text one number"):
        answer(make_predictor, RAW, top_k=2)
    with pytest.raises(InputError, match="labels no words"):
        answer(make_predictor, RAW, grouping="words")


def test_it_has_one_output(tmp_path):
    folder = write_artifact(tmp_path / "a", decoding=RAW)
    with pytest.raises(ArtifactError, match="2 labels; a score is of one output"):
        open_predictor(folder)
