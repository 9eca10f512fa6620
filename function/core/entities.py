"""Token classification: a CRF over the model's emissions tags every word of a text.

outputs of windows ─► emissions of words ─► best tags and their probabilities ─► entities
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, cast

import numpy as np
from safetensors.numpy import load_file

from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.decoders import Decoder
from function.core.decoding import Probabilities, Tags, Transitions, best_tags
from function.core.errors import ArtifactError, InputError, PredictionError
from function.core.heads import ArgmaxDecoding, CrfDecoding
from function.core.predictions import AnyPrediction, Entity, EntityPrediction
from function.core.tokenization import TextTokenizer
from function.core.types import OUTSIDE, Options
from function.core.windows import ModelInputs, WindowedText
from function.core.word_emissions import WordIndices, Words, build_words

# Code points that continue a word: joiners, variation selectors, skin tones, tags.
JOINED = {0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080)}


def build_entities(
    text: str,
    words: Words,
    tags: Sequence[str],
    scores: Probabilities,
    *,
    by_word: bool,
    outside: bool,
) -> Iterator[Entity]:
    """Yield entities in text order, from the tag of each word and its probability.

    `by_word` yields each word by itself, with its tag as the label; `outside` also yields words
    that belong to no entity.
    """
    for start, stop in _runs(tags, words.ids, by_word):
        tag = tags[start]
        if tag == OUTSIDE and not outside:
            continue
        begin, end = _whole(text, int(words.start[start]), int(words.end[stop - 1]))
        yield Entity(
            label=_iob_tag(tag) if by_word else _label(tag),
            text=text[begin:end],
            start=begin,
            end=end,
            score=float(scores[start:stop].mean()),
        )


def _label(tag: str) -> str:
    """Return `PER` for `B-PER`, `O` for `O`."""
    return tag.partition("-")[2] or tag


def _iob_tag(tag: str) -> str:
    """Return a tag with `B-` for `S-` and `I-` for `E-`: clients know no others."""
    return {"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:]


def _runs(tags: Sequence[str], ids: WordIndices, by_word: bool) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) of each run of words that form one entity."""
    start = 0
    for word in range(1, len(tags) + 1):
        goes_on = (
            word < len(tags)
            and not by_word
            and ids[word] == ids[word - 1] + 1
            and _label(tags[word]) == _label(tags[word - 1])
            and tags[word][0] not in "BS"
        )
        if not goes_on:
            yield start, word
            start = word


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a span by the marks on its last character, and trim white space at its edges.

    Tokenizers drop such marks.
    """
    while end < len(text) and (
        unicodedata.category(text[end])[0] == "M" or ord(text[end]) in JOINED
    ):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


class EntityDecoder(Decoder):
    """Decoder of token classification."""

    refusals: ClassVar = {
        "explain": "explain: this model finds entities, and has no label to explain",
        "top_k": "top_k: this model finds entities, and has no labels to rank",
        "cascade": "cascade: this model finds entities, and has no first stage",
    }

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        super().__init__(artifact, tokenizer)
        self._tags = cast("CrfDecoding | ArgmaxDecoding", artifact.manifest.decoding).tags
        self._prefix = len(tokenizer.prefix)

    def check(self, options: Options) -> None:
        """See `core.decoders.Decoder`."""
        super().check(options)
        if options.activation not in (None, "softmax"):
            raise InputError("this model's scores are probabilities of tags: ask for no other")


class EntityFinder(EntityDecoder):
    """Decoder of tags by a CRF over words."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        """Read the transitions; raises ArtifactError if absent, or their shapes do not fit."""
        super().__init__(artifact, tokenizer)
        self._transitions = read_transitions(artifact, len(self._tags), self._temperature)

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        words = [build_words(text, own, self._prefix) for text, own in inputs.by_text(outputs)]
        emissions = [each.emissions / self._temperature for each in words]
        if not all(np.isfinite(each).all() for each in emissions):
            raise PredictionError("the model answered with numbers that are not finite")
        tagged = best_tags(emissions, self._transitions)
        return [
            self._prediction(text, each, tags, scores, options)
            for text, each, (tags, scores) in zip(inputs.texts, words, tagged, strict=True)
        ]

    def _prediction(
        self,
        text: WindowedText,
        words: Words,
        tags: Tags,
        scores: Probabilities,
        options: Options,
    ) -> EntityPrediction:
        names = [self._tags[tag] for tag in tags]
        found = partial(build_entities, text.encoded.text, words, names, scores)
        by_word, outside = options.grouping == "words", options.outside
        whole = list(found(by_word=False, outside=False))
        return EntityPrediction(
            entities=list(found(by_word=by_word, outside=outside)) if by_word or outside else whole,
            **text.figures,
            whole=whole,
        )


def read_transitions(artifact: Artifact, tags: int, temperature: float) -> Transitions:
    """Read the scores of role `decoder`, divided by the temperature. Raises ArtifactError."""
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
