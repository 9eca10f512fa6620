"""Tags without a CRF, of the tiny artifact, whose words have one tag each by a lead of 4."""

import math

import pytest

from function.core.errors import InputError
from function.core.heads import ArgmaxDecoding
from function.core.predictions import EntityPrediction
from function.core.types import Options
from scripts.evaluate.evaluation import open_predictor
from tests.tiny_entities import TAG_OF, TAGS, write_entity_artifact

SURE = math.exp(4) / (math.exp(4) + len(TAGS) - 1)


@pytest.fixture
def find(tmp_path):
    """Find the entities of a text: label, text and score of each."""

    def run(text, tag_of=TAG_OF, own="simple", **options):
        decoding = ArgmaxDecoding(tags=TAGS, aggregation=own)
        folder = tmp_path / f"a{len(list(tmp_path.iterdir()))}"
        write_entity_artifact(folder, tag_of=tag_of, decoding=decoding)
        (answer,) = open_predictor(folder).predict([text], Options(**options))[0]
        assert isinstance(answer, EntityPrediction)
        return [(each.label, each.text, each.score) for each in answer.entities]

    return run


def test_tokens_of_one_label_are_one_entity(find):
    found = find("Ada Lovelace met Acme in New York")
    assert found == [
        (label, text, pytest.approx(SURE))
        for label, text in [("PER", "Ada Lovelace"), ("ORG", "Acme"), ("LOC", "New York")]
    ]


def test_another_beginning_is_another_entity(find):
    assert [text for _, text, _ in find("Ada Ada in Paris Acme")] == ["Ada", "Ada", "Paris", "Acme"]


DISAGREE = TAG_OF | {"love": "B-PER", "##lace": "B-ORG"}


@pytest.mark.parametrize(
    ("aggregation", "found"),
    [
        ("simple", [("PER", "Love"), ("ORG", "lace")]),
        ("first", [("PER", "Lovelace")]),
        ("max", [("PER", "Lovelace")]),  # the first of two that are equally sure
        ("average", [("ORG", "Lovelace")]),  # the first of two tags that are equally probable
    ],
)
def test_the_tokens_of_a_word_get_one_tag(find, aggregation, found):
    assert [each[:2] for each in find("Lovelace", DISAGREE, aggregation)] == found
    asked = find("Lovelace", DISAGREE, "simple", aggregation=aggregation)
    assert [each[:2] for each in asked] == found


def test_the_average_is_that_of_the_tokens_probabilities(find):
    ((_, _, score),) = find("Lovelace", DISAGREE, "average")
    assert score == pytest.approx((SURE + (1 - SURE) / (len(TAGS) - 1)) / 2)


def test_by_word_every_token_has_its_tag(find):
    found = find("in Lovelace", grouping="words", outside=True)
    assert [each[:2] for each in found] == [("O", "in"), ("I-PER", "Love"), ("I-PER", "lace")]
    assert len(find("in Lovelace", grouping="words")) == 2


def test_outside_is_answered_as_one_run(find):
    assert [each[:2] for each in find("in . Paris", outside=True)] == [
        ("O", "in ."),
        ("LOC", "Paris"),
    ]


def test_long_texts_are_tagged_in_windows(find):
    assert [text for _, text, _ in find("met in . " * 9 + "Ada Lovelace")] == ["Ada Lovelace"]


def test_what_is_for_labels_is_refused(find):
    with pytest.raises(InputError, match="top_k: this model finds entities"):
        find("Ada", top_k=1)
