from itertools import pairwise, product

import numpy as np
import pytest

from function.core.tokenization import TextTokenizer
from scripts.data.spans import Span
from scripts.train.batches import IGNORED
from scripts.train.tags import BIO, entities_of, forbidden, tag_words, tags_of
from tests.tiny_entities import write_entity_artifact

TAGS = tags_of(["LOC", "PER"])


def test_every_label_has_four_tags_and_outside_is_first():
    assert TAGS == ["O", "B-LOC", "I-LOC", "E-LOC", "S-LOC", "B-PER", "I-PER", "E-PER", "S-PER"]


def test_words_are_tagged_at_their_first_token(tmp_path):
    file = write_entity_artifact(tmp_path / "ner") / "tokenizer.json"
    text = "Ada Lovelace in New York, Paris."
    spans = [Span(0, 12, "PER"), Span(16, 24, "LOC"), Span(26, 31, "LOC")]
    (encoded,) = TextTokenizer(file).encode([text])
    found = tag_words(encoded, spans, TAGS)
    names = [None if code == IGNORED else TAGS[code] for code in found]
    assert names == ["B-PER", "E-PER", None, "O", "B-LOC", "E-LOC", "O", "S-LOC", "O"]


def test_an_entity_of_three_words_has_a_middle(tmp_path):
    file = write_entity_artifact(tmp_path / "ner") / "tokenizer.json"
    (encoded,) = TextTokenizer(file).encode(["in new york ada"])
    codes = tag_words(encoded, [Span(3, 15, "LOC")], TAGS)
    assert [TAGS[code] for code in codes] == ["O", "B-LOC", "I-LOC", "E-LOC"]


def spelt(words):
    """Every way to tag n words, as words outside and whole entities in a row."""
    if not words:
        yield ()
        return
    for rest in spelt(words - 1):
        yield ("O", *rest)
    for label in ("LOC", "PER"):
        for length in range(1, words + 1):
            places = "S" if length == 1 else f"B{'I' * (length - 2)}E"
            for rest in spelt(words - length):
                yield (*(f"{place}-{label}" for place in places), *rest)


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_what_is_not_forbidden_is_just_what_entities_look_like(words):
    first, last, between = forbidden(TAGS)
    allowed = {
        tuple(TAGS[code] for code in codes)
        for codes in product(range(len(TAGS)), repeat=words)
        if not (first[codes[0]] or last[codes[-1]] or any(between[p] for p in pairwise(codes)))
    }
    assert allowed == set(spelt(words))


def test_words_are_tagged_in_bio(tmp_path):
    file = write_entity_artifact(tmp_path / "ner") / "tokenizer.json"
    (encoded,) = TextTokenizer(file).encode(["in new york ada"])
    tags = tags_of(["LOC", "PER"], BIO)
    assert tags == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    codes = tag_words(encoded, [Span(3, 11, "LOC"), Span(12, 15, "PER")], tags)
    assert [tags[code] for code in codes] == ["O", "B-LOC", "I-LOC", "B-PER"]


def test_entities_are_read_from_tags_in_bio():
    tags = ["B-PER", "I-PER", "B-PER", "O", "I-LOC", "I-LOC", "I-PER"]
    assert entities_of(tags) == {(0, 2, "PER"), (2, 3, "PER"), (4, 6, "LOC"), (6, 7, "PER")}


def test_entities_are_read_from_their_tags():
    tags = ["S-PER", "O", "B-LOC", "I-LOC", "E-LOC", "S-LOC"]
    assert entities_of(tags) == {(0, 1, "PER"), (2, 5, "LOC"), (5, 6, "LOC")}


def test_forbidden_tables_have_the_shape_of_the_tags():
    first, last, between = forbidden(TAGS)
    assert first.shape == last.shape == (len(TAGS),)
    assert between.shape == (len(TAGS), len(TAGS))
    assert np.isin(between, (0, 1)).all()
