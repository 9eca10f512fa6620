"""Numerics of decoding: logits to label scores, and words' emissions to tags by a CRF."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from function.core.errors import PredictionError
from function.core.types import Activation

Probabilities = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]
Tags = npt.NDArray[np.int64]

NOT_FINITE = "the model answered with numbers that are not finite"


def activate(scaled: Scores, activation: Activation) -> Probabilities:
    """Return the scores, (texts, labels), of calibrated logits.

    With `none` the logits are the scores, so that their softmax is the result of `softmax`. Raises
    PredictionError if a logit is not finite.
    """
    if not np.isfinite(scaled).all():
        raise PredictionError(NOT_FINITE)
    if activation == "none":
        return scaled
    if activation == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0.0, -scaled)))
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def activate_row(scaled: Sequence[float], activation: Activation) -> Sequence[float]:
    """Return what `activate` does, of one text's logits: numpy takes ten times as long for few.

    Raises PredictionError if a logit is not finite.
    """
    if not all(map(math.isfinite, scaled)):
        raise PredictionError(NOT_FINITE)
    if activation == "none":
        return scaled
    if activation == "sigmoid":
        return [math.exp(min(each, 0.0)) / (1 + math.exp(-abs(each))) for each in scaled]
    highest = max(scaled)
    exponentials = [math.exp(each - highest) for each in scaled]
    total = sum(exponentials)
    return [each / total for each in exponentials]


@dataclass(frozen=True)
class Transitions:
    """Transition scores of a linear-chain CRF.

    Attributes:
        start: (tags,) score of each tag as a sequence's first.
        end: (tags,) score of each tag as a sequence's last.
        between: (tags, tags) score from the row's tag to the column's.
    """

    start: Scores
    end: Scores
    between: Scores


def best_tags(
    emissions: Sequence[Scores], transitions: Transitions
) -> list[tuple[Tags, Probabilities]]:
    """Decode the best tags of each sequence, and the probability of each of them.

    Emissions are (words, tags), of at least one word. Sequences of similar length are decoded
    together: none is padded to twice its length.
    """
    found: dict[int, tuple[Tags, Probabilities]] = {}
    for alike in _of_like_length(emissions):
        lengths = np.array([len(emissions[index]) for index in alike])
        padded = np.zeros((len(alike), lengths.max(), emissions[0].shape[1]))
        for row, index in zip(padded, alike, strict=True):
            row[: len(emissions[index])] = emissions[index]
        best = viterbi(padded, lengths, transitions)
        chances = tag_probabilities(padded, lengths, transitions)
        scores = np.take_along_axis(chances, best[:, :, None], axis=2)[:, :, 0]
        for index, tags, score, length in zip(alike, best, scores, lengths, strict=True):
            found[index] = tags[:length], score[:length]
    return [found[index] for index in range(len(emissions))]


def _of_like_length(sequences: Sequence[Scores]) -> Iterable[list[int]]:
    """Group the indices of sequences whose lengths have the same highest bit."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for index, sequence in enumerate(sequences):
        alike[len(sequence).bit_length()].append(index)
    return alike.values()


def viterbi(emissions: Scores, lengths: Tags, transitions: Transitions) -> Tags:
    """Return the best tags of each sequence, (sequences, words), 0 after its end (Viterbi 1967).

    Emissions are (sequences, words, tags), with any value after an end; lengths, (sequences,), are
    numbers of words, at least 1.
    """
    count, longest, tags = emissions.shape
    score = transitions.start + emissions[:, 0]
    came_from = np.tile(np.arange(tags), (longest, count, 1))
    for word in range(1, longest):
        ways = score[:, :, None] + transitions.between
        inside = (word < lengths)[:, None]
        came_from[word] = np.where(inside, ways.argmax(axis=1), came_from[word])
        score = np.where(inside, ways.max(axis=1) + emissions[:, word], score)
    best = np.zeros((count, longest), dtype=np.int64)
    # After a sequence's end every tag came from itself, which carries its last tag to the end.
    tag = (score + transitions.end).argmax(axis=1)
    for word in range(longest - 1, -1, -1):
        best[:, word] = tag
        tag = came_from[word][np.arange(count), tag]
    return np.where(np.arange(longest) < lengths[:, None], best, 0)


def tag_probabilities(emissions: Scores, lengths: Tags, transitions: Transitions) -> Probabilities:
    """Return the marginal probabilities of tags, (sequences, words, tags), 0 after an end.

    The forward-backward algorithm is of Rabiner 1989, "A Tutorial on Hidden Markov Models".
    Arguments are those of `viterbi`.
    """
    count, longest, tags = emissions.shape
    forward = np.empty((count, longest, tags))
    forward[:, 0] = transitions.start + emissions[:, 0]
    for word in range(1, longest):
        before = forward[:, word - 1, :, None] + transitions.between
        forward[:, word] = _log_sum(before, axis=1) + emissions[:, word]
    backward = np.empty((count, longest, tags))
    backward[:, -1] = transitions.end
    for word in range(longest - 2, -1, -1):
        after = (emissions[:, word + 1] + backward[:, word + 1])[:, None, :] + transitions.between
        last = (word + 1 >= lengths)[:, None]
        backward[:, word] = np.where(last, transitions.end, _log_sum(after, axis=2))
    together = forward + backward
    together -= _log_sum(together, axis=2)[:, :, None]
    inside = np.arange(longest) < lengths[:, None]
    return np.where(inside[:, :, None], np.exp(together), 0.0)


def _log_sum(values: Scores, axis: int) -> Scores:
    highest = values.max(axis=axis, keepdims=True)
    total = np.log(np.exp(values - highest).sum(axis=axis, keepdims=True)) + highest
    return np.asarray(total.squeeze(axis))
