"""Tagged texts as what a network learns from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from transformers import AutoTokenizer

from function.core.tokenization import TextTokenizer, TokenIds
from scripts.common.errors import UsageError
from scripts.data.tagged_texts import TaggedTexts
from scripts.training.batches import Batch
from scripts.training.entities.tags import tag_words
from scripts.training.examples import IGNORED, Examples, stack


@dataclass(frozen=True)
class TaggedExamples:
    """Sentences with the tag of each token, and the document of each. hidden_words: the share that
    training replaces by mask_id."""

    tokenizer: TextTokenizer
    ids: Sequence[TokenIds]
    tags: Sequence[TokenIds]
    groups: Sequence[str]
    passage: int
    hidden_words: float = 0.0
    mask_id: int = 0

    @classmethod
    def of(
        cls, rows: TaggedTexts, tokenizer: TextTokenizer, tags: Sequence[str], passage: int
    ) -> "TaggedExamples":
        encoded = tokenizer.encode(rows.texts)
        kept = [row for row, each in enumerate(encoded) if len(each.ids)]
        return cls(
            tokenizer,
            [encoded[row].ids for row in kept],
            [tag_words(encoded[row], rows.spans[row], tags) for row in kept],
            [rows.groups[row] for row in kept],
            passage,
        )

    def of_epoch(self, seed: int) -> Examples:
        """Half of the rows are single sentences, the others a few that follow each other."""
        if self.passage == 1:
            return self
        generator = np.random.default_rng(seed)
        ids, tags, groups = [], [], []
        start = 0
        while start < len(self.ids):
            most = 1 if generator.random() < 0.5 else int(generator.integers(2, self.passage + 1))
            stop = start + 1
            while stop < min(start + most, len(self.ids)) and self._goes_on(stop):
                stop += 1
            ids.append(np.concatenate(self.ids[start:stop]))
            tags.append(np.concatenate(self.tags[start:stop]))
            groups.append(self.groups[start])
            start = stop
        return replace(self, ids=ids, tags=tags, groups=groups, passage=1)

    def _goes_on(self, row: int) -> bool:
        return self.groups[row] == self.groups[row - 1]

    def lengths(self, max_tokens: int) -> list[int]:
        """See Examples."""
        return [min(len(ids) + self.tokenizer.special_tokens, max_tokens) for ids in self.ids]

    def collate(
        self,
        rows: Sequence[int],
        max_tokens: int,
        generator: np.random.Generator | None,
    ) -> Batch:
        """See Examples; of a long row its start. Words are hidden where there is a generator."""
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
        return Batch(input_ids, mask, stack(tags, IGNORED)[0])

    def _shown(self, row: int, generator: np.random.Generator | None) -> TokenIds:
        """A row's ids, some words' pieces being the mask in the same casing."""
        ids = self.ids[row]
        if generator is None or not self.hidden_words:
            return ids
        words = np.cumsum(np.asarray(self.tags[row]) != IGNORED)
        hidden = generator.random(words[-1] + 1) < self.hidden_words
        casing = ids - ids % self.tokenizer.vocabulary_size
        return np.where(hidden[words], self.mask_id + casing, ids)


def hide(examples: TaggedExamples, share: float, base: str) -> TaggedExamples:
    """Hide a share of the words behind what the checkpoint learnt to read in place of one. Raises
    UsageError where it learnt no such thing."""
    if not share:
        return examples
    mask_id = AutoTokenizer.from_pretrained(base).mask_token_id
    if mask_id is None:
        raise UsageError(f"{base}: its tokenizer has no mask; set network.hidden_words to 0")
    return replace(examples, hidden_words=share, mask_id=int(mask_id))
