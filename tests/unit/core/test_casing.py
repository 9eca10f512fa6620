import numpy as np
import pytest

from function.core.casing import Casing, casing_of
from function.core.tokenization import TextTokenizer
from tests.tiny_entities import WORDS, write_entity_artifact


@pytest.mark.parametrize(
    ("span", "casing"),
    [
        ("paris", Casing.NONE),
        ("Paris", Casing.INITIAL),
        ("PARIS", Casing.ALL),
        ("A", Casing.SINGLE),
        ("McAdam", Casing.MIXED),
        ("iPhone", Casing.MIXED),
        ("1996", Casing.NONE),
        ("Ödön", Casing.INITIAL),
        ("МОСКВА", Casing.ALL),
        ("東京", Casing.NONE),
        ("😀", Casing.NONE),
    ],
)
def test_the_casing_of_a_span_follows_its_capitals(span, casing):
    assert casing_of(f"a {span} b", [(2, 2 + len(span))]).tolist() == [casing]


def test_no_tokens_have_no_casing():
    assert casing_of("", []).tolist() == []


def test_an_id_carries_its_casing_and_can_be_taken_apart(tmp_path):
    file = write_entity_artifact(tmp_path / "ner") / "tokenizer.json"
    (plain,) = TextTokenizer(file).encode(["Ada met ADA"])
    (cased,) = TextTokenizer(file, casing=True).encode(["Ada met ADA"])
    assert np.array_equal(cased.ids % len(WORDS), plain.ids)
    assert (cased.ids // len(WORDS)).tolist() == [Casing.INITIAL, Casing.NONE, Casing.ALL]
