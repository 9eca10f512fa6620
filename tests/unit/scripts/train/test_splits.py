import pytest

from scripts.data.labelled_texts import LabelledTexts
from scripts.train.config import DatasetConfig
from scripts.train.splits import maximal_phrases, split_rows


def dataset(split_by, **shares):
    return DatasetConfig(name="d", path="d.csv", split_by=split_by, **shares)


@pytest.fixture
def reviews():
    rows = [(f"review {n} of film {n // 5}", n % 2, f"film {n // 5}") for n in range(500)]
    return LabelledTexts(*[list(column) for column in zip(*rows, strict=True)])


def test_groups_stay_on_one_side(reviews):
    split = split_rows(reviews, dataset("group", validation=0.2, test=0.2), seed=1)
    sides = [{reviews.groups[row] for row in part} for part in vars(split).values()]
    assert all(sides)
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]


def test_shares_are_about_what_was_asked_for(reviews):
    split = split_rows(reviews, dataset("row", validation=0.2), seed=1)
    assert len(split.validation) == pytest.approx(100, abs=30)
    assert len(split.train) + len(split.validation) == 500


def test_rows_fall_on_the_same_side_again(reviews):
    config = dataset("group", validation=0.2)
    assert split_rows(reviews, config, seed=1) == split_rows(reviews, config, seed=1)
    assert split_rows(reviews, config, seed=1) != split_rows(reviews, config, seed=2)


def test_held_out_copies_of_training_texts_are_left_out():
    texts = ["the same words"] * 200
    rows = LabelledTexts(texts, [0, 1] * 100, [f"film {n}" for n in range(200)])
    split = split_rows(rows, dataset("group", validation=0.3), seed=1)
    assert split.train
    assert not split.validation


def test_maximal_phrases_are_the_sentences():
    phrases = ["a good film", "good", "a good", "good film", "dull", "so dull"]
    assert sorted(maximal_phrases(phrases)) == ["a good film", "so dull"]


def test_no_phrase_of_a_held_out_sentence_is_trained_on():
    sentences = [f"the {n} film was {n} times as good" for n in range(300)]
    phrases = [" ".join(s.split()[a:b]) for s in sentences for a, b in ((0, 3), (2, 7), (0, 8))]
    rows = LabelledTexts(phrases, [0, 1] * (len(phrases) // 2), [])
    split = split_rows(rows, dataset("sentence", validation=0.2, test=0.2), seed=1)
    held_out = [phrases[row] for row in split.validation + split.test]
    assert split.validation
    assert split.test
    assert all(len(text.split()) == 8 for text in held_out)
    for row in split.train:
        assert not any(f" {phrases[row]} " in f" {sentence} " for sentence in held_out)
