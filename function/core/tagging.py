"""Token classification without a CRF: tags and entities as transformers' pipeline makes them.

tags of tokens ─► words, each with one tag (not `simple`) ─► runs of a label ─► entities
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import numpy as np

from function.core.artifact import Artifact
from function.core.backend import Logits
from function.core.decoding import Probabilities, activate
from function.core.entities import EntityDecoder
from function.core.heads import Aggregation, ArgmaxDecoding
from function.core.predictions import AnyPrediction, Entity, EntityPrediction
from function.core.tokenization import EncodedText, TextTokenizer
from function.core.types import OUTSIDE, Options
from function.core.windows import ModelInputs, WindowedText
from function.core.word_emissions import token_emissions

# The probabilities of a word's tags, from those of its tokens, (tokens, tags).
WORD_TAGS: dict[Aggregation, Callable[[Probabilities], Probabilities]] = {
    "first": lambda tokens: tokens[0],
    "max": lambda tokens: tokens[tokens.max(axis=1).argmax()],
    "average": lambda tokens: np.asarray(tokens.mean(axis=0)),
}


class _Tagged(NamedTuple):
    """A token or a word at the code points [start, end), with its tag and the tag's probability."""

    tag: str
    score: float
    start: int
    end: int


class Tagger(EntityDecoder):
    """Decoder of the most probable tags."""

    def __init__(self, artifact: Artifact, tokenizer: TextTokenizer) -> None:
        super().__init__(artifact, tokenizer)
        self._aggregation = cast("ArgmaxDecoding", artifact.manifest.decoding).aggregation
        self._marks, self._unknown = tokenizer.marks_subwords, tokenizer.unknown_id

    def decode(
        self, inputs: ModelInputs, outputs: Sequence[Logits], options: Options
    ) -> list[AnyPrediction]:
        """See `core.decoders.Decoder`."""
        return [self._prediction(text, own, options) for text, own in inputs.by_text(outputs)]

    def _prediction(
        self, text: WindowedText, outputs: Sequence[Logits], options: Options
    ) -> EntityPrediction:
        emissions, covered = token_emissions(text, outputs, self._prefix)
        scores = activate(emissions / self._temperature, "softmax")
        encoded = text.encoded

        positions = np.flatnonzero(covered).tolist()
        asked = options.aggregation or self._aggregation
        runs = [*_runs(self._tagged(encoded, scores, positions, asked))]
        groups = [_entity(encoded.text, run, label_of(run[0].tag)) for run in runs]
        whole = entities = [each for each in groups if each.label != OUTSIDE]
        if options.grouping == "words":
            tokens = self._tagged(encoded, scores, positions, "simple")
            groups = [_entity(encoded.text, [token], token.tag) for token in tokens]
            entities = [each for each in groups if each.label != OUTSIDE]
        return EntityPrediction(
            entities=groups if options.outside else entities,
            **text.figures,
            whole=whole,
        )

    def _tagged(
        self,
        text: EncodedText,
        scores: Probabilities,
        positions: Sequence[int],
        aggregation: Aggregation,
    ) -> list[_Tagged]:
        """Return the tokens at these positions, or their words, each with its tag."""
        words: list[list[int]] = []
        subwords = self._subwords(text) if aggregation in WORD_TAGS else None
        for position in positions:
            if words and subwords and subwords[position]:
                words[-1].append(position)
            else:
                words.append([position])
        pick = WORD_TAGS.get(aggregation, WORD_TAGS["first"])  # of one token all are the same
        tagged = []
        for word in words:
            chances = pick(scores[word])
            code = int(chances.argmax())
            start, end = text.offsets[word[0]][0], text.offsets[word[-1]][1]
            tagged.append(_Tagged(self._tags[code], float(chances[code]), start, end))
        return tagged

    def _subwords(self, text: EncodedText) -> list[bool]:
        """Return for each token whether it goes on with the word before it.

        Where the vocabulary marks no subwords, transformers takes a token without a space before
        it for one.
        """
        whole = text.text
        return [
            token_id != self._unknown
            and (
                len(token) != end - start
                if self._marks
                else start > 0 and " " not in whole[start - 1 : start + 1]
            )
            for token_id, token, (start, end) in zip(
                text.ids.tolist(), text.tokens, text.offsets, strict=True
            )
        ]


def _runs(tagged: Sequence[_Tagged]) -> Iterator[list[_Tagged]]:
    """Yield runs of one label; `B-` begins a new one."""
    run: list[_Tagged] = []
    for each in tagged:
        if run and (each.tag.startswith("B-") or _inside(each.tag) != _inside(run[-1].tag)):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _inside(tag: str) -> str:
    return tag[2:] if tag[:2] in ("B-", "I-") else tag


def label_of(tag: str) -> str:
    """Return `PER` for `B-PER`, and the whole tag where it has no prefix."""
    return tag.split("-", 1)[-1]


def _entity(text: str, run: Sequence[_Tagged], label: str) -> Entity:
    start, end = run[0].start, run[-1].end
    score = sum(each.score for each in run) / len(run)
    return Entity(label, text[start:end], start, end, score)
