"""Viterbi and forward-backward, compared with trying every sequence of tags."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from function.core import decoding
from function.core.decoding import Transitions, best_tags, tag_probabilities, viterbi

TAGS, WORDS = 3, 4


def drawn(seed):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, WORDS + 1, size=5)
    transitions = Transitions(
        generator.normal(size=TAGS),
        generator.normal(size=TAGS),
        generator.normal(size=(TAGS, TAGS)) * 2,
    )
    return generator.normal(size=(5, WORDS, TAGS)) * 2, lengths, transitions


def score(tags, emissions, transitions):
    total = transitions.start[tags[0]] + transitions.end[tags[-1]]
    total += sum(emissions[word, tag] for word, tag in enumerate(tags))
    return total + sum(transitions.between[pair] for pair in pairwise(tags))


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_viterbi_finds_the_best_of_all_sequences_of_each_length(seed):
    emissions, lengths, transitions = drawn(seed)
    best = viterbi(emissions, lengths, transitions)
    for row, length in enumerate(lengths):
        every = list(product(range(TAGS), repeat=length))
        wanted = max(every, key=lambda tags: score(tags, emissions[row], transitions))
        assert best[row].tolist() == [*wanted, *[0] * (WORDS - length)]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_tag_is_as_likely_as_all_sequences_with_it_together(seed):
    emissions, lengths, transitions = drawn(seed)
    found = tag_probabilities(emissions, lengths, transitions)
    for row, length in enumerate(lengths):
        every = list(product(range(TAGS), repeat=length))
        weights = np.exp([score(tags, emissions[row], transitions) for tags in every])
        wanted = np.zeros((WORDS, TAGS))
        for tags, weight in zip(every, weights / weights.sum(), strict=True):
            for word, tag in enumerate(tags):
                wanted[word, tag] += weight
        assert found[row] == pytest.approx(wanted, abs=1e-9)


def test_values_after_the_end_of_a_sequence_change_nothing():
    emissions, lengths, transitions = drawn(3)
    other = emissions.copy()
    other[np.arange(WORDS) >= lengths[:, None]] = 1e6
    assert (viterbi(other, lengths, transitions) == viterbi(emissions, lengths, transitions)).all()
    assert tag_probabilities(other, lengths, transitions) == pytest.approx(
        tag_probabilities(emissions, lengths, transitions)
    )


def test_forbidden_transitions_are_never_taken_and_stay_numbers():
    emissions = np.array([[[0.0, 50.0, 0.0], [0.0, 0.0, 50.0]]])
    between = np.zeros((TAGS, TAGS))
    between[1, 2] = -1e4
    transitions = Transitions(np.zeros(TAGS), np.zeros(TAGS), between)
    (tags,) = viterbi(emissions, np.array([2]), transitions)
    assert tuple(tags) != (1, 2)
    chances = tag_probabilities(emissions, np.array([2]), transitions)
    assert chances.sum(axis=2) == pytest.approx(np.ones((1, 2)))


lengths_of_texts = st.lists(st.integers(1, 70), min_size=1, max_size=12)


@given(lengths_of_texts, st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_sequences_are_tagged_together_as_each_is_alone(lengths, seed):
    _, _, transitions = drawn(seed)
    generator = np.random.default_rng(seed)
    emissions = [generator.normal(size=(length, TAGS)) for length in lengths]
    together = best_tags(emissions, transitions)
    assert len(together) == len(emissions)
    for each, (tags, scores) in zip(emissions, together, strict=True):
        ((alone, alone_scores),) = best_tags([each], transitions)
        assert tags.tolist() == alone.tolist()
        assert scores == pytest.approx(alone_scores)
        length = np.array([len(each)])
        assert tags.tolist() == viterbi(each[None], length, transitions)[0].tolist()
        chances = tag_probabilities(each[None], length, transitions)[0]
        assert scores == pytest.approx(chances[np.arange(len(each)), tags])


@given(lengths_of_texts)
@settings(max_examples=20, deadline=None)
@example([1, 3, 7, 15, 31, 63, 64])
def test_a_long_sequence_pads_no_short_one_to_more_than_twice_its_length(lengths):
    decoded = []

    def recorded(emissions, *others):
        decoded.append(emissions.shape[:2])
        return viterbi(emissions, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "viterbi", recorded)
        best_tags([np.zeros((length, TAGS)) for length in lengths], drawn(0)[2])
    assert sum(count * longest for count, longest in decoded) <= 2 * sum(lengths)
    assert sum(longest for _, longest in decoded) < 3 * max(lengths)
