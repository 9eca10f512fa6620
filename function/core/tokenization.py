"""Tokenisation of texts and windowing of long ones, the same for training and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Regex, normalizers
from tokenizers import Tokenizer as FastTokenizer

from function.core.errors import ArtifactError, PredictionError, is_panic

LongText = Literal["window", "truncate", "head_tail"]
TokenIds = npt.NDArray[np.int64]


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


@dataclass(frozen=True)
class TokenizationSettings:
    """Values of the manifest's `tokenization` member.

    Attributes:
        max_tokens: Tokens of one window, special tokens included.
        stride: Content tokens that two neighbouring windows share.
        max_windows: Windows after which the rest of a text is cut, which bounds its cost.
    """

    max_tokens: int
    stride: int
    long_text: LongText
    max_windows: int = 16


class TextTokenizer:
    """Tokenizer of a `tokenizer.json`, preceded by the project's normalisation.

    Windows begin and end with the special tokens `prefix` and `suffix`, each (tokens,).
    """

    def __init__(self, path: Path, *, casing: bool = False) -> None:
        """Load a `tokenizer.json`; raises ArtifactError if it cannot be used.

        `casing` adds each token's casing to its id; see `core/casing.py`.
        """
        try:
            self._fast = FastTokenizer.from_file(str(path))
            self._fast.no_truncation()
            padding = self._fast.padding
            self._fast.no_padding()
            self._fast.normalizer = _normalization(self._fast.normalizer)
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
        self._casing = casing

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Tokenise texts without special tokens and without cutting them.

        Raises PredictionError if the tokenizer panics, as on a pattern that takes too long.
        """
        try:
            if len(texts) == 1:  # a batch call would wake the library's threads for it
                encodings = [self._fast.encode(texts[0], add_special_tokens=False)]
            else:
                encodings = self._fast.encode_batch(list(texts), add_special_tokens=False)
        except BaseException as error:
            if is_panic(error):
                raise PredictionError(f"the tokenizer panicked: {error}") from error
            raise
        encoded = [
            EncodedText(text, encoding) for text, encoding in zip(texts, encodings, strict=True)
        ]
        if self._casing:
            from function.core.casing import casing_of  # few models need it

            for text in encoded:
                text.ids += self.vocabulary_size * casing_of(text.text, text.offsets)
        return encoded

    def with_special_tokens(self, content: TokenIds) -> TokenIds:
        """Return a window's content between the model's special tokens."""
        return np.concatenate((self.prefix, content, self.suffix))

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


def window_spans(
    length: int, capacity: int, stride: int, long_text: LongText, max_windows: int
) -> list[list[tuple[int, int]]]:
    """Assign a text's content tokens to windows: return the spans (start, stop) that each joins.

    Windows have equal lengths and are spread evenly, so that the last one is never a stub. They
    hold up to `capacity` content tokens, of which neighbours share `stride`; text after
    `max_windows` is cut. `head_tail` joins two spans, the first quarter of the capacity and the
    last three quarters, after Sun et al. 2019, "How to Fine-Tune BERT for Text Classification", who
    keep 128 of 510 tokens as head.
    """
    if length <= capacity:
        return [[(0, length)]]
    if long_text == "truncate":
        return [[(0, capacity)]]
    if long_text == "head_tail":
        head = capacity // 4
        return [[(0, head), (length - (capacity - head), length)]]
    step = capacity - stride
    count = min(1 + -(-(length - capacity) // step), max_windows)
    covered = min(length, capacity + (count - 1) * step)
    starts = np.linspace(0, covered - capacity, count).round().astype(int)
    return [[(int(start), int(start) + capacity)] for start in starts]


def _normalization(own: normalizers.Normalizer | None) -> normalizers.Normalizer:
    """Replace HTML line breaks by spaces and compose Unicode, before the checkpoint's own steps.

    It runs inside the tokenizer, which keeps offsets into the text as sent.
    """
    ours: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(r"<[bB][rR]\s*/?>"), " "),
        normalizers.NFC(),
    ]
    return normalizers.Sequence(ours if own is None else [*ours, own])


def _first_known(tokenizer: FastTokenizer, names: Sequence[str], default: int) -> int:
    for name in names:
        token = tokenizer.token_to_id(name)
        if token is not None:
            return int(token)
    return default
