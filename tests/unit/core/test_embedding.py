"""Embeddings: of the tiny artifact, whose tokens have the vectors (-value, +value, 1)."""

import math

import numpy as np
import pytest

from function.core.embedding import POOLINGS, cosines
from function.core.errors import ArtifactError, BatchTooLargeError, InputError
from function.core.heads import EmbeddingDecoding
from function.core.types import EmbeddingOptions, Options
from scripts.evaluate.evaluation import open_predictor
from tests.tiny import write_artifact

GOOD, PLAIN = [-2, 2, 1], [0, 0, 1]


def decoding(**members):
    return EmbeddingDecoding(dimensions=3, **members)


def answer(make_predictor, text="good film", head=None, long_text=None, **wanted):
    predictor = make_predictor(decoding=head or decoding())
    options = Options(long_text=long_text, embedding=EmbeddingOptions(**wanted))
    return predictor.predict([text], options)[0][0]


def test_the_vector_is_the_mean_of_the_tokens_with_special_ones(make_predictor):
    found = answer(make_predictor)
    assert found.embedding == [-0.5, 0.5, 1]
    assert (found.tokens, found.windows, found.truncated) == (2, 1, False)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", [-0.5, 0.5, 1]),
        ("cls", PLAIN),
        ("max", [0, 2, 1]),
        ("lasttoken", PLAIN),
        ("mean_sqrt_len_tokens", [-1, 1, 2]),
        ("weightedmean", [-0.4, 0.4, 1]),
    ],
)
def test_tokens_are_pooled_as_the_manifest_says(make_predictor, pooling, expected):
    assert pooling in POOLINGS
    assert answer(make_predictor, head=decoding(pooling=pooling)).embedding == expected


def test_vectors_have_the_length_1_where_the_manifest_or_the_caller_says(make_predictor):
    one = pytest.approx([-1 / math.sqrt(6), 1 / math.sqrt(6), 2 / math.sqrt(6)], abs=1e-7)
    head = decoding(normalize=True)
    assert answer(make_predictor, head=head).embedding == one
    assert answer(make_predictor, normalize=True).embedding == one
    assert answer(make_predictor, head=head, normalize=False).embedding == [-0.5, 0.5, 1]


def test_the_first_dimensions_are_kept_and_then_normalised(make_predictor):
    assert answer(make_predictor, dimensions=1).embedding == [-0.5]
    cut = answer(make_predictor, dimensions=2, normalize=True).embedding
    assert cut == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)], abs=1e-7)
    for wrong in (0, 4):
        with pytest.raises(InputError, match="dimensions: send a number from 1 to 3"):
            answer(make_predictor, dimensions=wrong)


def test_windows_of_a_long_text_weigh_as_many_as_their_tokens(make_predictor):
    text = "good " * 6 + "film " * 5  # windows of 6 words, of which neighbours share 2
    found = answer(make_predictor, text)
    assert found.windows > 1
    cut = answer(make_predictor, text, long_text="truncate")
    assert (cut.windows, cut.truncated) == (1, True)
    assert cut.embedding == pytest.approx([-1.5, 1.5, 1])
    assert 0 < found.embedding[1] < cut.embedding[1]


def test_tokens_have_vectors_each_once(make_predictor):
    text = "the " * 7 + "good film"
    found = answer(make_predictor, text, by_token=True)
    assert found.windows > 1
    assert found.token_embeddings == [PLAIN] * 8 + [GOOD] + [PLAIN] * 2
    assert answer(make_predictor).token_embeddings is None


def test_a_prompt_comes_before_the_text(make_predictor):
    head = decoding(prompts={"query": "good ", "document": ""}, default_prompt="query")
    assert answer(make_predictor, "film", head).embedding == [-0.5, 0.5, 1]
    assert answer(make_predictor, "film", head, prompt="document").embedding == PLAIN
    with pytest.raises(InputError, match="no such prompt; it has query, document"):
        answer(make_predictor, "film", head, prompt="other")


@pytest.mark.parametrize(
    "options", [{"explain": True}, {"top_k": 1}, {"cascade": "off"}, {"grouping": "words"}]
)
def test_options_of_other_heads_are_refused(make_predictor, options):
    with pytest.raises(InputError, match="gives texts vectors"):
        make_predictor(decoding=decoding()).predict(["good"], Options(**options))


def test_an_artifact_says_how_many_dimensions_its_graph_has(tmp_path):
    folder = write_artifact(tmp_path / "a", decoding=EmbeddingDecoding(dimensions=5))
    with pytest.raises(ArtifactError, match="3 logits, the manifest has 5"):
        open_predictor(folder)


def test_cosines_are_of_rows_and_zeros_have_none():
    found = cosines([[1, 0], [2, 2], [0, 0]], [[1, 1], [-1, -1], [1, 0]])
    assert found == pytest.approx(np.array([math.sqrt(0.5), -1, 0]))


def test_more_numbers_than_an_answer_may_have_are_refused_before_the_model_runs(
    make_predictor, monkeypatch
):
    monkeypatch.setattr("function.core.embedding.MOST_NUMBERS", 30)
    assert len(answer(make_predictor, "good " * 6, by_token=True).token_embeddings) == 8
    long = "good " * 11
    assert answer(make_predictor, long).windows > 1, "a vector for the text alone is small"
    with pytest.raises(BatchTooLargeError, match="11 tokens, whose vectors take 3 numbers each"):
        answer(make_predictor, long, by_token=True)


@pytest.mark.parametrize("text", ["  ", "\u2028"])
def test_a_prompt_does_not_hide_that_a_text_is_empty(make_predictor, text):
    head = decoding(prompts={"query": "good "}, default_prompt="query")
    with pytest.raises(InputError, match="text 0 is empty"):
        answer(make_predictor, text, head)
