"""What texts name: a tag for every word, by a CRF over the emissions of the model.

A word takes the emission of its first token, and that from the window in which it stands farthest
from the edges. So the tags of a long text are decoded at once, and no entity ends at a seam.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from safetensors.numpy import load_file

from function.core.artifact import Artifact, CrfDecoding
from function.core.backend import Logits
from function.core.decoding import Probabilities, Tags, Transitions, tag_probabilities, viterbi
from function.core.errors import ArtifactError, InputError, PredictionError
from function.core.reading import Reading, Run, WindowedText
from function.core.tokenization import TextTokenizer
from function.core.types import OUTSIDE, AnyPrediction, Entity, EntityPrediction, Options

# What a word is written on with: joiners, variation selectors, skin tones.
JOINED = {0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}


@dataclass(frozen=True)
class _Words:
    """The words of a text that some window reads.

    ids: which of the text's words. start, end: its code points. emissions: (words, tags).
    """

    ids: Tags
    start: Tags
    end: Tags
    emissions: Probabilities


class EntityFinder:
    """See `core.predictor.Decoder`."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Raises ArtifactError where there are no transitions, or not those of the tags."""
        decoding = artifact.manifest.decoding
        if not isinstance(decoding, CrfDecoding):
            raise ArtifactError(f"{artifact.path.name}: entities are not found by {decoding.kind}")
        self._tags, self._temperature = decoding.tags, decoding.temperature
        self._prefix = len(tokenizer.prefix)
        self._transitions = _read_transitions(artifact, len(decoding.tags), decoding.temperature)

    def check(self, options: Options) -> None:
        """Raises InputError."""
        if options.explain:
            raise InputError("explain: this model finds entities, and has no label to explain")
        if options.top_k is not None:
            raise InputError("top_k: this model finds entities, and has no labels to rank")
        if options.activation != "softmax":
            raise InputError("this model's scores are probabilities of tags: ask for no other")

    def decode(
        self, reading: Reading, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """outputs: (tokens, tags) a window. Raises PredictionError where they are not numbers."""
        ends = np.cumsum([len(text.windows) for text in reading.texts])
        words = [
            self._words(text, outputs[end - len(text.windows) : end])
            for text, end in zip(reading.texts, ends, strict=True)
        ]
        lengths = np.array([len(each.ids) for each in words])
        emissions = np.zeros((len(words), lengths.max(), len(self._tags)))
        for row, each in zip(emissions, words, strict=True):
            row[: len(each.ids)] = each.emissions / self._temperature
        if not np.isfinite(emissions).all():
            raise PredictionError("the model answered with numbers that are not finite")
        best = viterbi(emissions, lengths, self._transitions)
        chances = tag_probabilities(emissions, lengths, self._transitions)
        scores = np.take_along_axis(chances, best[:, :, None], axis=2)[:, :, 0]
        return [
            self._prediction(text, each, tags, score, options)
            for text, each, tags, score in zip(reading.texts, words, best, scores, strict=True)
        ]

    def explain(
        self,
        reading: Reading,  # noqa: ARG002
        predictions: Sequence[AnyPrediction],
        run: Run,  # noqa: ARG002
    ) -> list[AnyPrediction]:
        """Nothing to explain: `check` refuses it."""
        return list(predictions)

    def _words(self, text: WindowedText, outputs: Sequence[Logits]) -> _Words:
        encoded = text.encoded
        emissions = np.zeros((len(encoded.ids), len(self._tags)))
        from_edge = np.full(len(encoded.ids), -1)
        for positions, output in zip(text.positions, outputs, strict=True):
            content = output[self._prefix : self._prefix + len(positions)]
            depth = np.minimum(np.arange(len(positions)), np.arange(len(positions))[::-1])
            better = depth > from_edge[positions]
            from_edge[positions[better]] = depth[better]
            emissions[positions[better]] = content[better]
        word_of = encoded.word_ids
        first = np.flatnonzero(np.diff(word_of, prepend=-2))
        last = np.append(first[1:], len(word_of)) - 1
        read = from_edge[first] >= 0
        offsets = np.array(encoded.offsets, dtype=np.int64)
        return _Words(
            np.flatnonzero(read),
            offsets[first[read], 0],
            offsets[last[read], 1],
            emissions[first[read]],
        )

    def _prediction(
        self,
        text: WindowedText,
        words: _Words,
        tags: Tags,
        scores: Probabilities,
        options: Options,
    ) -> EntityPrediction:
        found = partial(self._entities, text.encoded.text, words, tags, scores)
        apart, outside = options.grouping == "words", options.outside
        whole = list(found(apart=False, outside=False))
        return EntityPrediction(
            entities=list(found(apart=apart, outside=outside)) if apart or outside else whole,
            tokens=len(text.encoded.ids),
            words=text.encoded.words,
            windows=len(text.windows),
            truncated=text.truncated,
            whole=whole,
        )

    def _entities(
        self,
        text: str,
        words: _Words,
        tags: Tags,
        scores: Probabilities,
        *,
        apart: bool,
        outside: bool,
    ) -> Iterator[Entity]:
        """In reading order. apart: each word by itself, with its tag. outside: also what belongs
        to no entity."""
        for start, stop in _runs(
            [self._tags[tag] for tag in tags[: len(words.ids)]], words.ids, apart
        ):
            tag = self._tags[tags[start]]
            if tag == OUTSIDE and not outside:
                continue
            begin, end = _whole(text, int(words.start[start]), int(words.end[stop - 1]))
            yield Entity(
                label=_flat(tag) if apart else kind(tag),
                text=text[begin:end],
                start=begin,
                end=end,
                score=float(scores[start:stop].mean()),
            )


def kind(tag: str) -> str:
    """The label that a tag is of: `PER` of `B-PER`, `O` of `O`."""
    return tag.partition("-")[2] or tag


def _flat(tag: str) -> str:
    """A tag as clients know them, who have no words that end an entity or stand alone."""
    return {"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:]


def _runs(tags: Sequence[str], ids: Tags, apart: bool) -> Iterator[tuple[int, int]]:
    """[start, stop) of each stretch of words that belong together."""
    start = 0
    for word in range(1, len(tags) + 1):
        goes_on = (
            word < len(tags)
            and not apart
            and ids[word] == ids[word - 1] + 1
            and kind(tags[word]) == kind(tags[word - 1])
            and tags[word][0] not in "BS"
        )
        if not goes_on:
            yield start, word
            start = word


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch with the marks that stand on its last character, which tokenizers drop, and
    without white space at its edges."""
    while end < len(text) and (
        unicodedata.category(text[end])[0] == "M" or ord(text[end]) in JOINED
    ):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _read_transitions(artifact: Artifact, tags: int, temperature: float) -> Transitions:
    file = artifact.file("decoder")
    where = f"{artifact.path.name}/{file.name}"
    try:
        found = {name: array / temperature for name, array in load_file(file).items()}
    except Exception as error:  # the library's own class has no public base
        raise ArtifactError(f"{where}: not a file of safetensors: {error}") from error
    shapes = {"start": (tags,), "end": (tags,), "between": (tags, tags)}
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise ArtifactError(f"{where}: '{name}' is not {shape} finite numbers")
    return Transitions(found["start"], found["end"], found["between"])
