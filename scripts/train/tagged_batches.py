"""Batches of tagged texts, and the tags of their words.

`B` begins an entity of several words, `I` goes on, `E` ends it, `S` is one of a single word (BIOES,
which Ratinov & Roth 2009 found better than BIO). `O` is outside of all. With `B` and `I` alone
(BIO), `E` is an `I` and `S` a `B`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer

from function.core.decoding import Tags
from function.core.tokenization import EncodedText, TextTokenizer, TokenIds
from function.core.types import OUTSIDE
from scripts.common.errors import UsageError
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts
from scripts.train.batches import IGNORED, Batch, Examples, Teaching, stack

BIOES, BIO = "BIES", "BI"
IN_BIO = {"B": "B", "I": "I", "E": "I", "S": "B"}


def tags_of(labels: Sequence[str], parts: str = BIOES) -> list[str]:
    """Return every tag, `O` first."""
    return [OUTSIDE, *(f"{part}-{label}" for label in labels for part in parts)]


def tag_words(encoded: EncodedText, spans: Sequence[Span], tags: Sequence[str]) -> Tags:
    """Return (tokens,) the tag of each word at its first token, IGNORED at its others.

    A word is in an entity where its first character is. Spans are in order and do not overlap.
    """
    codes = {tag: code for code, tag in enumerate(tags)}
    first = first_tokens(encoded)
    starts = np.array([start for start, _ in encoded.offsets])[first]
    found = np.full(len(encoded.ids), IGNORED, dtype=np.int64)
    found[first] = codes[OUTSIDE]
    for span in spans:
        inside = first[(starts >= span.start) & (starts < span.end)]
        for word, token in enumerate(inside):
            part = _part(word, len(inside))
            in_bio = codes[f"{IN_BIO[part]}-{span.label}"]
            found[token] = codes.get(f"{part}-{span.label}", in_bio)
    return found


def first_tokens(encoded: EncodedText) -> npt.NDArray[np.intp]:
    """Return the index of each word's first token."""
    return np.flatnonzero(np.diff(encoded.word_ids, prepend=-2))


def forbidden(tags: Sequence[str]) -> tuple[Tags, Tags, Tags]:
    """Return the tags that no entity has, each 1.

    They are (tags,) that cannot come first, (tags,) that cannot come last, and (tags, tags) that
    cannot follow one another.
    """
    goes_on = [tag[0] in "IE" for tag in tags]
    is_open = [tag[0] in "BI" for tag in tags]
    between = [
        [
            on != opened or (on and before[2:] != after[2:])
            for after, on in zip(tags, goes_on, strict=True)
        ]
        for before, opened in zip(tags, is_open, strict=True)
    ]
    return (
        np.array(goes_on, dtype=np.int64),
        np.array(is_open, dtype=np.int64),
        np.array(between, dtype=np.int64),
    )


def entities_of(tags: Sequence[str]) -> set[tuple[int, int, str]]:
    """Return words [start, stop) and label of each entity, of tags in either scheme."""
    found, start = set(), 0
    for word, tag in enumerate(tags):
        if word == 0 or _parted(tags[word - 1], tag):
            start = word
        if tag != OUTSIDE and (word + 1 == len(tags) or _parted(tag, tags[word + 1])):
            found.add((start, word + 1, tag[2:]))
    return found


def _parted(before: str, after: str) -> bool:
    """Return whether no entity goes on from one tag to the other."""
    return after[0] in "OBS" or before[2:] != after[2:]


def _part(word: int, words: int) -> str:
    if words == 1:
        return "S"
    return "B" if word == 0 else "E" if word == words - 1 else "I"


@dataclass(frozen=True)
class TaggedExamples:
    """Sentences to learn from."""

    tokenizer: TextTokenizer
    ids: Sequence[TokenIds]  # content token ids of each sentence
    tags: Sequence[TokenIds]
    groups: Sequence[str]
    passage: int  # the most sentences of a document that an epoch joins
    hidden_words: float = 0.0  # share of the words that training replaces by `mask_id`
    mask_id: int = 0  # the checkpoint's mask
    teaching: Teaching | None = None  # with logits of (tokens, tags)

    @classmethod
    def of(
        cls,
        rows: TaggedTexts,
        tokenizer: TextTokenizer,
        tags: Sequence[str],
        passage: int,
        teaching: Teaching | None = None,
    ) -> "TaggedExamples":
        """Tokenise and tag texts, without empty ones, and add those of a teacher.

        Raises UsageError where the teacher has other words.
        """
        if teaching:
            more = list(teaching.texts)
            rows = TaggedTexts(
                [*rows.texts, *more],
                [*rows.spans, *[[] for _ in more]],
                [*rows.groups, *[f"unlabelled {number}" for number in range(len(more))]],
            )
        encoded = tokenizer.encode(rows.texts)
        kept = [row for row, each in enumerate(encoded) if len(each.ids)]
        if teaching:
            teaching = replace(
                teaching,
                logits=[_by_token(encoded[row], teaching.logits[row]) for row in kept],
                weights=[teaching.weights[row] for row in kept],
            )
        return cls(
            tokenizer,
            [encoded[row].ids for row in kept],
            [tag_words(encoded[row], rows.spans[row], tags) for row in kept],
            [rows.groups[row] for row in kept],
            passage,
            teaching=teaching,
        )

    def of_epoch(self, seed: int) -> Examples:
        """See `Examples`. Half of the rows are single sentences, others join consecutive ones."""
        if self.passage == 1:
            return self
        generator = np.random.default_rng(seed)
        ids, tags, groups, logits, weights = [], [], [], [], []
        start = 0
        while start < len(self.ids):
            most = 1 if generator.random() < 0.5 else int(generator.integers(2, self.passage + 1))
            stop = start + 1
            while stop < min(start + most, len(self.ids)) and self._goes_on(stop):
                stop += 1
            ids.append(np.concatenate(self.ids[start:stop]))
            tags.append(np.concatenate(self.tags[start:stop]))
            groups.append(self.groups[start])
            if self.teaching:
                logits.append(np.concatenate(self.teaching.logits[start:stop]))
                weights.append(min(self.teaching.weights[start:stop]))
            start = stop
        teaching = self.teaching and replace(self.teaching, logits=logits, weights=weights)
        return replace(self, ids=ids, tags=tags, groups=groups, passage=1, teaching=teaching)

    def _goes_on(self, row: int) -> bool:
        return self.groups[row] == self.groups[row - 1]

    def lengths(self, max_tokens: int) -> list[int]:
        """See `Examples`."""
        return [min(len(ids) + self.tokenizer.special_tokens, max_tokens) for ids in self.ids]

    def collate(
        self,
        rows: Sequence[int],
        max_tokens: int,
        generator: np.random.Generator | None,
    ) -> Batch:
        """See `Examples`. A long row gives its start; words are hidden where a generator draws."""
        capacity = max_tokens - self.tokenizer.special_tokens
        special = [
            np.full_like(each, IGNORED) for each in (self.tokenizer.prefix, self.tokenizer.suffix)
        ]
        input_ids, mask = stack(
            [
                self.tokenizer.with_special_tokens(self._shown(row, generator)[:capacity])
                for row in rows
            ],
            self.tokenizer.pad_id,
        )
        tags = [np.concatenate((special[0], self.tags[row][:capacity], special[1])) for row in rows]
        soft = None
        if self.teaching:
            edges = ((len(self.tokenizer.prefix), len(self.tokenizer.suffix)), (0, 0))
            answers = [np.pad(self.teaching.logits[row][:capacity], edges) for row in rows]
            soft = self.teaching.targets(
                rows, pad_sequence([torch.from_numpy(each) for each in answers], batch_first=True)
            )
        return Batch(input_ids, mask, stack(tags, IGNORED)[0], soft)

    def _shown(self, row: int, generator: np.random.Generator | None) -> TokenIds:
        """Return a row's ids, some words' pieces replaced by the mask in the same casing."""
        ids = self.ids[row]
        if generator is None or not self.hidden_words:
            return ids
        words = np.cumsum(np.asarray(self.tags[row]) != IGNORED)
        hidden = generator.random(words[-1] + 1) < self.hidden_words
        casing = ids - ids % self.tokenizer.vocabulary_size
        return np.where(hidden[words], self.mask_id + casing, ids)


def _by_token(encoded: EncodedText, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the answers to a text's words, (words, tags), at the first token of each.

    Where there is none, (0, tags), they are zeros.
    """
    first = first_tokens(encoded)
    if len(logits) not in (0, len(first)):
        raise UsageError(
            f"distillation.teacher: it cuts “{encoded.text[:40]}” into {len(logits)} words, the "
            f"model into {len(first)}: give a teacher whose tokenizer finds the same words"
        )
    found = np.zeros((len(encoded.ids), logits.shape[1]), dtype=np.float32)
    if len(logits):
        found[first] = logits
    return found


def hide(examples: TaggedExamples, share: float, base: str) -> TaggedExamples:
    """Hide a share of the words behind the checkpoint's mask. Raises UsageError without a mask."""
    if not share:
        return examples
    mask_id = AutoTokenizer.from_pretrained(base).mask_token_id
    if mask_id is None:
        raise UsageError(f"{base}: its tokenizer has no mask; set network.hidden_words to 0")
    return replace(examples, hidden_words=share, mask_id=int(mask_id))
