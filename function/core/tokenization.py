"""Tokenisation of texts, the same for training and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding
from tokenizers import Tokenizer as FastTokenizer

from function.core.errors import ArtifactError, PredictionError, is_panic
from function.core.normalization import NormalizingTokenizer

LongText = Literal["window", "truncate", "head_tail"]
TokenIds = npt.NDArray[np.int64]
SEGMENT = 1 << 32  # what the ids of a pair's second segment are greater by, until a backend runs


@dataclass(frozen=True)
class TextPair:
    """Two texts that a model reads together; its length is that of both."""

    text: str
    text_pair: str

    def __len__(self) -> int:
        return len(self.text) + len(self.text_pair)


Text = str | TextPair


def strings_of(text: Text) -> tuple[str, ...]:
    """Return the string of a text, or the two of a pair."""
    return (text,) if isinstance(text, str) else (text.text, text.text_pair)


class EncodedText:
    """Tokens of one text, without the model's special tokens; `ids` are (tokens,).

    Properties are computed on demand: a long text has thousands of tokens.
    """

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.text, self._encoding = text, encoding
        self.ids: TokenIds = np.array(encoding.ids, dtype=np.int64)

    @cached_property
    def offsets(self) -> Sequence[tuple[int, int]]:
        """Return (start, end) of each token in Unicode code points of the text as sent."""
        return list(self._encoding.offsets)

    @cached_property
    def word_ids(self) -> TokenIds:
        """Return the number of each token's word, (tokens,), -1 for none.

        Words are the pieces between white space and punctuation, before the split into subwords.
        """
        return np.array([-1 if word is None else word for word in self._encoding.word_ids])

    @property
    def empty(self) -> bool:
        """Return whether there is no token; of a pair, whether one text has none."""
        return not len(self.ids)

    @property
    def tokens(self) -> Sequence[str]:
        """Return the tokens as the vocabulary spells them."""
        return list(self._encoding.tokens)

    @property
    def words(self) -> int:
        """Return the number of words: they are numbered from 0, and each has a token."""
        last = self._encoding.token_to_word(len(self.ids) - 1) if len(self.ids) else None
        return 0 if last is None else last + 1

    def is_word(self, start: int, stop: int) -> bool:
        """Return whether the tokens [start, stop) hold a letter or a digit."""
        span = self.text[self.offsets[start][0] : self.offsets[stop - 1][1]]
        return any(character.isalnum() for character in span)


class EncodedPair(EncodedText):
    """Tokens of a pair: `ids` are those of both texts, one after the other."""

    def __init__(self, *texts: EncodedText) -> None:
        self.texts, self.ids = texts, np.concatenate([text.ids for text in texts])

    @property
    def empty(self) -> bool:
        return any(text.empty for text in self.texts)

    @property
    def words(self) -> int:
        return sum(text.words for text in self.texts)


class TextTokenizer:
    """Tokenizer of a `tokenizer.json`, preceded by the project's normalisation.

    Windows begin and end with the special tokens `prefix` and `suffix`, each (tokens,).
    """

    def __init__(self, path: Path, *, casing: bool = False, segments: bool = False) -> None:
        """Load a `tokenizer.json`; raises ArtifactError if it cannot be used.

        `casing` adds each token's casing to its id; see `core/casing.py`. `segments` adds SEGMENT
        to the ids of a pair's second segment, for models with `token_type_ids`.
        """
        try:
            self._fast = FastTokenizer.from_file(str(path))
            self._fast.no_truncation()
            padding = self._fast.padding
            self._fast.no_padding()
            self._normalizing = NormalizingTokenizer(self._fast)
            self.prefix, self.suffix = self._special_tokens()
        except BaseException as error:  # the library raises bare Exception, or panics
            if not (isinstance(error, Exception) or is_panic(error)):
                raise
            raise ArtifactError(
                f"{path.name}: not a tokenizer that can be read: {error}"
            ) from error
        self.pad_id = _first_known(self._fast, ("[PAD]", "<pad>"), default=0)
        if padding:
            self.pad_id = int(padding["pad_id"])
        self.vocabulary_size: int = self._fast.get_vocab_size()
        self._casing, self.segments = casing, segments

    def encode(self, texts: Sequence[Text]) -> list[EncodedText]:
        """Tokenise texts without special tokens and without cutting them; pairs as EncodedPairs.

        Raises PredictionError if the tokenizer panics, as on a pattern that takes too long.
        """
        strings = [string for text in texts for string in strings_of(text)]
        encoded = list(map(EncodedText, strings, self.encodings(strings, special_tokens=False)))
        if self._casing:
            from function.core.casing import casing_of  # few models need it

            for text in encoded:
                text.ids += self.vocabulary_size * casing_of(text.text, text.offsets)
        if len(encoded) == len(texts):
            return encoded
        each = iter(encoded)
        return [
            next(each) if isinstance(text, str) else EncodedPair(next(each), next(each))
            for text in texts
        ]

    def encodings(self, texts: Sequence[str], *, special_tokens: bool) -> list[Encoding]:
        """Return the library's encodings of texts; raises what `encode` does."""
        try:
            return self._normalizing.encode(texts, special_tokens=special_tokens)
        except BaseException as error:
            if is_panic(error):
                raise PredictionError(f"the tokenizer panicked: {error}") from error
            raise

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Return the text of token ids, which need not be in the vocabulary."""
        return str(self._fast.decode(ids, skip_special_tokens=skip_special_tokens))

    def with_special_tokens(self, *content: TokenIds) -> TokenIds:
        """Return a window's content, of one part or several, between the special tokens."""
        return np.concatenate((self.prefix, *content, self.suffix))

    def pair_window(
        self, pair: EncodedPair, max_tokens: int
    ) -> tuple[TokenIds, list[tuple[int, int]]]:
        """Return a pair's one window, and the spans of its tokens that are in it.

        The longer text is cut first, as transformers' `longest_first` does.
        """
        before, between, after, second = self._pair_template
        one, other = (text.ids for text in pair.texts)
        lengths, room = [len(one), len(other)], max_tokens - self.pair_special_tokens
        if sum(lengths) > room:
            shorter, least = int(len(one) > len(other)), min(*lengths, room // 2)
            lengths[shorter], lengths[1 - shorter] = least, room - least
        window = (before, one[: lengths[0]], between, other[: lengths[1]] + second, after)
        return np.concatenate(window), [(0, lengths[0]), (len(one), len(one) + lengths[1])]

    @property
    def pair_special_tokens(self) -> int:
        """Return the number of special tokens of a pair's window."""
        return sum(map(len, self._pair_template[:3]))

    @cached_property
    def _pair_template(self) -> tuple[TokenIds, TokenIds, TokenIds, int]:
        """Return the ids before, between and after the texts of a pair, and the second's SEGMENT.

        Raises ArtifactError if the tokenizer does not put one text after the other.
        """
        encoding = self._fast.encode("a", "a")
        ids = np.array(encoding.ids, dtype=np.int64)
        if self.segments:
            ids += SEGMENT * np.array(encoding.type_ids, dtype=np.int64)
        texts = np.array([-1 if text is None else text for text in encoding.sequence_ids])
        first, second = np.flatnonzero(texts == 0), np.flatnonzero(texts == 1)
        if not len(first) or not len(second) or first[-1] > second[0]:
            raise ArtifactError("tokenizer.json: has no template for pairs of texts")
        added = int(ids[second[0]] // SEGMENT * SEGMENT)
        return ids[: first[0]], ids[first[-1] + 1 : second[0]], ids[second[-1] + 1 :], added

    @property
    def last_id(self) -> int:
        """Return the largest id that a text may have, with its casing."""
        last = max(self._fast.get_vocab().values(), default=0)
        if self._casing:
            from function.core.casing import Casing

            last += self.vocabulary_size * max(Casing)
        return last

    @property
    def marks_subwords(self) -> bool:
        """Return whether tokens that go on with a word begin with a mark, such as `##`."""
        return bool(getattr(self._fast.model, "continuing_subword_prefix", None))

    @property
    def unknown_id(self) -> int:
        """Return the id of what the vocabulary lacks; -1 if it lacks nothing."""
        own = getattr(self._fast.model, "unk_token", None)
        return _first_known(self._fast, [own] if own else ("<unk>", "[UNK]"), default=-1)

    @property
    def special_tokens(self) -> int:
        """Return the number of special tokens of a window."""
        return len(self.prefix) + len(self.suffix)

    def _special_tokens(self) -> tuple[TokenIds, TokenIds]:
        """Return the ids that the tokenizer's template puts before and after a text."""
        encoding = self._fast.encode("a")
        mask = np.array(encoding.special_tokens_mask, dtype=bool)
        ids = np.array(encoding.ids, dtype=np.int64)
        content = np.flatnonzero(~mask)
        if not len(content):
            return ids[:0], ids[:0]
        return ids[: content[0]], ids[content[-1] + 1 :]


def _first_known(tokenizer: FastTokenizer, names: Sequence[str], default: int) -> int:
    for name in names:
        token = tokenizer.token_to_id(name)
        if token is not None:
            return int(token)
    return default
