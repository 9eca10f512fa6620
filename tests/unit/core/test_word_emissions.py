"""Emissions of words, from windows that overlap. An emission holds its window's number."""

import numpy as np
import pytest

from function.core.tokenization import TextTokenizer
from function.core.windows import WindowedText
from function.core.word_emissions import build_words
from tests.tiny_entities import write_entity_artifact

PREFIX = 1


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    artifact = write_entity_artifact(tmp_path_factory.mktemp("models") / "ner")
    return TextTokenizer(artifact / "tokenizer.json")


def read(tokenizer, text, *windows):
    """Its words, where each window reads tokens [start, stop): the emission of a token is the
    window's number, from 1, and the token's position in the text; special tokens have 99."""
    (encoded,) = tokenizer.encode([text])
    outputs = [
        np.array(
            [[99, 99], *([number, token] for token in range(start, stop)), [99, 99]],
            dtype=np.float32,
        )
        for number, (start, stop) in enumerate(windows, start=1)
    ]
    spans = [[window] for window in windows]
    return build_words(WindowedText(encoded, spans, []), outputs, PREFIX)


def test_a_word_takes_the_emission_of_its_first_token_and_all_of_its_characters(tokenizer):
    words = read(tokenizer, "met lovelace in", (0, 4))
    assert words.emissions[:, 1].tolist() == [0, 1, 3]
    assert list(zip(words.start.tolist(), words.end.tolist(), strict=True)) == [
        (0, 3),
        (4, 12),
        (13, 15),
    ]


def test_a_word_is_taken_from_the_window_in_which_it_is_farthest_from_the_edges(tokenizer):
    words = read(tokenizer, "met " * 8, (0, 5), (3, 8))
    assert words.emissions[:, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert words.emissions[:, 1].tolist() == list(range(8))


def test_a_word_in_no_window_is_omitted_and_the_others_keep_their_numbers(tokenizer):
    words = read(tokenizer, "met in paris in met", (0, 2), (4, 5))
    assert words.ids.tolist() == [0, 1, 4]
    assert words.start.tolist() == [0, 4, 16]
    assert len(words.emissions) == 3
