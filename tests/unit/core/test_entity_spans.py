"""Entities of words whose tags are given."""

import re

import numpy as np
import pytest

from function.core.entities import build_entities
from function.core.word_emissions import Words


def entities(text, tags, *, ids=None, scores=None, by_word=False, outside=False):
    """Words between white space; `ids` are their indices in the text."""
    spans = np.array([match.span() for match in re.finditer(r"[^ \u0301]+", text)])
    count = len(spans)
    words = Words(
        np.arange(count) if ids is None else np.array(ids),
        spans[:, 0],
        spans[:, 1],
        np.zeros((count, 1)),
    )
    chances = np.ones(count) if scores is None else np.array(scores)
    return list(
        build_entities(text, words, tags.split(), chances, by_word=by_word, outside=outside)
    )


def named(*given, **more):
    return [(entity.label, entity.text) for entity in entities(*given, **more)]


@pytest.mark.parametrize("tags", ["O B-PER I-PER O", "O I-PER I-PER O", "O B-PER E-PER O"])
def test_words_of_one_entity_are_one_span_in_any_scheme_of_tags(tags):
    (entity,) = entities("met Ada Lovelace again", tags)
    assert (entity.label, entity.start, entity.end) == ("PER", 4, 16)
    assert entity.text == "Ada Lovelace"


@pytest.mark.parametrize("tags", ["B-LOC B-LOC", "S-LOC S-LOC", "B-LOC S-LOC"])
def test_entities_that_touch_are_parted_where_one_begins(tags):
    assert named("Paris Rome", tags) == [("LOC", "Paris"), ("LOC", "Rome")]


def test_another_label_is_another_entity():
    assert named("Ada Acme", "B-PER I-ORG") == [("PER", "Ada"), ("ORG", "Acme")]


def test_words_in_no_window_separate_their_neighbours():
    assert named("New York", "B-LOC I-LOC", ids=[0, 7]) == [("LOC", "New"), ("LOC", "York")]


def test_a_score_is_the_mean_of_the_words():
    (entity,) = entities("New York", "B-LOC E-LOC", scores=[0.5, 1.0])
    assert entity.score == 0.75


def test_words_apart_have_tags_that_clients_know():
    tags = "O B-LOC I-LOC E-LOC S-PER"
    assert named("in New York City Ada", tags, by_word=True) == [
        ("B-LOC", "New"),
        ("I-LOC", "York"),
        ("I-LOC", "City"),
        ("B-PER", "Ada"),
    ]


def test_words_outside_entities_are_returned_if_asked_for():
    assert named("met in Paris", "O O S-LOC", outside=True) == [("O", "met in"), ("LOC", "Paris")]
    assert named("met in Paris", "O O S-LOC", outside=True, by_word=True)[0] == ("O", "met")


def test_marks_belong_to_their_character():
    assert named("Cafe\u0301 Rome", "S-ORG S-LOC") == [("ORG", "Cafe\u0301"), ("LOC", "Rome")]
