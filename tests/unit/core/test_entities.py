"""Entities of texts, by an artifact with a known tag for each word."""

import unicodedata

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.errors import ArtifactError, InputError
from function.core.predictor import load_predictor
from function.core.types import Options
from tests.tiny_entities import SURE, TAGS, write_entity_artifact


def opened(folder):
    return load_predictor(open_artifact(folder), lambda found: OnnxBackend(found, 1), 1000)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return opened(write_entity_artifact(tmp_path_factory.mktemp("models") / "ner"))


def entities(predictor, text, **options):
    (prediction,), _ = predictor.predict([text], Options(**options))
    return prediction.entities


def found(predictor, text, **options):
    return [(each.label, each.text) for each in entities(predictor, text, **options)]


def test_entities_are_found_with_their_offsets_in_the_text(predictor):
    text = "Ada Lovelace met Acme in New York."
    assert found(predictor, text) == [("PER", "Ada Lovelace"), ("ORG", "Acme"), ("LOC", "New York")]
    for entity in entities(predictor, text):
        assert text[entity.start : entity.end] == entity.text


def test_a_word_of_several_tokens_is_found_whole(predictor):
    (entity,) = entities(predictor, "met Ada Lovelace")
    assert (entity.start, entity.end) == (4, 16)


def test_a_text_is_answered_the_same_together_with_longer_and_shorter_ones(predictor):
    texts = ["Paris", "Ada Lovelace met Acme in New York. " * 9, "in", "New York in", "met " * 40]
    together, _ = predictor.predict(texts, Options())
    for text, prediction in zip(texts, together, strict=True):
        (alone,), _ = predictor.predict([text], Options())
        assert [(e.text, e.start, e.label) for e in prediction.entities] == [
            (e.text, e.start, e.label) for e in alone.entities
        ]
        assert [e.score for e in prediction.entities] == pytest.approx(
            [e.score for e in alone.entities]
        )


def test_two_entities_that_touch_stay_two(predictor):
    assert found(predictor, "Paris New York") == [("LOC", "Paris"), ("LOC", "New York")]


def test_a_text_that_names_nothing_has_no_entities(predictor):
    assert found(predictor, "met in , .") == []


def test_how_a_word_is_capitalised_can_matter(predictor):
    assert found(predictor, "met bob in paris") == [("LOC", "paris")]
    assert found(predictor, "met Bob in paris") == [("PER", "Bob"), ("LOC", "paris")]


def test_texts_are_answered_in_their_order_whatever_their_lengths(predictor):
    texts = ["met " * 30 + "Ada", "Paris", "in", "New York " * 9]
    together, _ = predictor.predict(texts, Options())
    alone = [predictor.predict([text], Options())[0][0] for text in texts]
    assert [each.entities for each in together] == [each.entities for each in alone]
    assert [each.words for each in together] == [31, 1, 1, 18]


def test_a_score_is_the_mean_probability_of_the_tags_of_its_words(predictor):
    (entity,) = entities(predictor, "Paris")
    # The first word of a text cannot go on with an entity, whose three tags are no choice.
    assert entity.score == pytest.approx(np.exp(SURE) / (np.exp(SURE) + 3))


def test_a_temperature_makes_scores_less_sure_and_changes_no_entity(predictor, tmp_path):
    warmer = opened(write_entity_artifact(tmp_path / "ner", temperature=2.0))
    text = "Ada Lovelace met Acme"
    sure, unsure = entities(predictor, text), entities(warmer, text)
    assert [each.text for each in sure] == [each.text for each in unsure]
    assert all(hot.score < cold.score for hot, cold in zip(unsure, sure, strict=True))


@pytest.mark.parametrize("before", range(12))
def test_an_entity_on_a_seam_between_windows_is_found_once_and_whole(predictor, before):
    text = "met " * before + "Ada Lovelace" + " in" * 12
    (prediction,), _ = predictor.predict([text], Options())
    assert prediction.windows > 1
    assert [each.text for each in prediction.entities] == ["Ada Lovelace"]


def test_text_that_was_not_encoded_names_nothing(predictor):
    text = "Paris " + "in " * 20 + "Paris"
    assert len(found(predictor, text)) == 2
    assert len(found(predictor, text, long_text="truncate")) == 1


def test_head_and_tail_are_not_taken_for_neighbours(predictor):
    # A window holds six tokens: the first, and the last five.
    text = "New in in in in in in in in York in in in in"
    assert found(predictor, text, long_text="head_tail") == [("LOC", "New"), ("LOC", "York")]


def test_words_can_be_asked_for_one_by_one(predictor):
    assert found(predictor, "met Ada Lovelace", grouping="words") == [
        ("B-PER", "Ada"),
        ("I-PER", "Lovelace"),
    ]
    assert found(predictor, "met Paris", grouping="words", outside=True) == [
        ("O", "met"),
        ("B-LOC", "Paris"),
    ]


def test_spans_outside_entities_can_be_asked_for(predictor):
    assert found(predictor, "met in Paris .", outside=True) == [
        ("O", "met in"),
        ("LOC", "Paris"),
        ("O", "."),
    ]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"explain": True}, "explain"),
        ({"top_k": 1}, "top_k"),
        ({"activation": "sigmoid"}, "scores"),
    ],
)
def test_what_only_classifiers_have_is_refused(predictor, options, named):
    with pytest.raises(InputError, match=named):
        predictor.predict(["Paris"], Options(**options))


def test_labels_of_whole_texts_are_not_to_be_had(predictor):
    with pytest.raises(InputError, match="finds entities"):
        predictor.classify(["Paris"])


NASTY = [
    "é",
    "e\u0301",
    "שָׁלוֹם",
    "مرحبا",
    "👩\u200d👩\u200d👧",
    "👍🏽",
    "❤\ufe0f",
    "नमस्ते",
    "ﬁ",
    "İ",
    "\u00a0",
    "\u200b",
]
PIECES = [
    *NASTY,
    "Ada",
    "Lovelace",
    "ADA",
    "Paris",
    "new",
    "York",
    "Zoë",
    "Zoe\u0308",
    " ",
    " ",
    ".",
    "<br />",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map("".join))
@example("Zoe\u0308 met Ada")
@example("👍🏽Ada👍🏽")
@example("<br />Paris<br/>")
@settings(max_examples=150, deadline=None)
def test_offsets_are_exact_whatever_the_text_is_made_of(predictor, text):
    assume(len(predictor.tokenise(text).ids))
    (prediction,), _ = predictor.predict([text], Options())
    end = 0
    for entity in prediction.entities:
        assert text[entity.start : entity.end] == entity.text
        assert entity.text.strip() == entity.text != ""
        assert entity.start >= end
        end = entity.end
        # No mark that belongs to the last character follows the entity.
        assert not text[end : end + 1] or unicodedata.category(text[end])[0] != "M"
        assert text[end : end + 1] not in {"\u200d", "\ufe0f", "🏽"}


@given(
    st.lists(st.sampled_from(NASTY), max_size=8).map(" ".join), st.sampled_from(["Paris", "Ada"])
)
@settings(max_examples=100, deadline=None)
def test_a_known_name_is_found_after_any_script(predictor, before, name):
    text = f"{before} {name}"
    (last,) = [each for each in entities(predictor, text) if each.end == len(text)]
    assert last.text == name


def test_transitions_of_other_tags_are_refused(tmp_path):
    artifact = open_artifact(write_entity_artifact(tmp_path / "ner"))
    file = artifact.path / "transitions.safetensors"
    save_file(load_file(file) | {"start": np.zeros(len(TAGS) + 1, dtype=np.float32)}, file)
    with pytest.raises(ArtifactError, match=r"transitions\.safetensors: 'start' is not"):
        load_predictor(artifact, lambda found: OnnxBackend(found, 1), 10)


def test_transitions_that_are_no_safetensors_are_refused(tmp_path):
    artifact = open_artifact(write_entity_artifact(tmp_path / "ner"))
    (artifact.path / "transitions.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ArtifactError, match=r"transitions\.safetensors: not a file of safetensors"):
        load_predictor(artifact, lambda found: OnnxBackend(found, 1), 10)
