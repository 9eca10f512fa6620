"""Batches of tagged texts.

An epoch may show a sentence in another casing, and hides some of its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer

from function.core.tokenization import EncodedText, TextTokenizer, TokenIds
from scripts.common.errors import UsageError
from scripts.data.tagged_texts import TaggedTexts
from scripts.train.batches import IGNORED, Batch, Teaching, stack
from scripts.train.tags import first_tokens, tag_words


@dataclass(frozen=True)
class TaggedExamples:
    """Sentences to learn from."""

    tokenizer: TextTokenizer
    ids: Sequence[TokenIds]  # content token ids of each sentence
    tags: Sequence[TokenIds]
    groups: Sequence[str]
    passage: int  # the most sentences of a document that an epoch joins
    recased: float = 0.0  # share of the sentences that training reads in another of `casings`
    casings: Sequence[Sequence[TokenIds]] = ()  # ids of each sentence in other casings
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
        recased: float = 0.0,
    ) -> "TaggedExamples":
        """Tokenise and tag texts, without empty ones, and add those of a teacher.

        Where texts are recased, a casing in which one has other tokens is left out. Raises
        UsageError where the teacher has other words.
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
            recased,
            _casings([encoded[row] for row in kept], tokenizer) if recased else (),
            teaching=teaching,
        )

    def of_epoch(self, seed: int) -> "TaggedExamples":
        """See `Examples`. Half of the rows are single sentences, others join consecutive ones."""
        generator = np.random.default_rng(seed)
        sentences = self._recased(generator)
        if self.passage == 1:
            return replace(self, ids=sentences)
        ids, tags, groups, logits, weights = [], [], [], [], []
        start = 0
        while start < len(self.ids):
            most = 1 if generator.random() < 0.5 else int(generator.integers(2, self.passage + 1))
            stop = start + 1
            while stop < min(start + most, len(self.ids)) and self._goes_on(stop):
                stop += 1
            ids.append(np.concatenate(sentences[start:stop]))
            tags.append(np.concatenate(self.tags[start:stop]))
            groups.append(self.groups[start])
            if self.teaching:
                logits.append(np.concatenate(self.teaching.logits[start:stop]))
                weights.append(min(self.teaching.weights[start:stop]))
            start = stop
        teaching = self.teaching and replace(self.teaching, logits=logits, weights=weights)
        return replace(self, ids=ids, tags=tags, groups=groups, passage=1, teaching=teaching)

    def _recased(self, generator: np.random.Generator) -> Sequence[TokenIds]:
        return [
            others[int(generator.integers(len(others)))]
            if others and generator.random() < self.recased
            else own
            for own, others in zip(self.ids, self.casings or [()] * len(self.ids), strict=True)
        ]

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


def _casings(encoded: Sequence[EncodedText], tokenizer: TextTokenizer) -> list[list[TokenIds]]:
    found: list[list[TokenIds]] = [[] for _ in encoded]
    for change in (str.lower, str.upper, str.title):
        for one, other, casings in zip(
            encoded, tokenizer.encode([change(each.text) for each in encoded]), found, strict=True
        ):
            own, changed = (ids % tokenizer.vocabulary_size for ids in (one.ids, other.ids))
            if np.array_equal(own, changed) and np.array_equal(one.word_ids, other.word_ids):
                casings.append(other.ids)
    return found


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
