"""Normalisation of texts: HTML's line breaks become spaces, Unicode is composed, then the model's.

    text ─► plain? ─ no ──► tokenizer that normalises
              └──── yes ──► the same without a normaliser, given the text in lower case

Tokenizers normalise letter by letter, and keep for each its offset in the text as sent. That is a
third of their time, and changes nothing but capitals in plain ASCII, as most English texts are.
"""

import re
from collections.abc import Sequence

from tokenizers import Encoding, Regex, normalizers, pre_tokenizers
from tokenizers import Tokenizer as FastTokenizer

# Without control characters, which BERT's normaliser deletes.
ASCII = "\t\n\r" + "".join(map(chr, range(0x20, 0x7F)))


class NormalizingTokenizer:
    """Tokenizer that normalises texts, or knows that it need not."""

    def __init__(self, fast: FastTokenizer) -> None:
        """Put the project's normalisation before the tokenizer's own."""
        line_breaks = normalizers.Replace(Regex(r"<[bB][rR]\s*/?>"), " ")
        self._fast, own = fast, fast.normalizer
        self._plain, self._is_plain, self._lowercase = fast, re.compile(r"(?!)"), False
        if _reads_plain_texts(fast):
            # A token that was added to the vocabulary is found before anything is normalised.
            added = {token.content[:1] for token in fast.get_added_tokens_decoder().values()}
            known = "".join(sign for sign in ASCII if sign not in added)
            self._is_plain, self._lowercase = re.compile(f"[{re.escape(known)}]*"), own.lowercase
            self._plain = FastTokenizer(fast.model)  # which both share
            self._plain.normalizer, self._plain.pre_tokenizer = line_breaks, fast.pre_tokenizer
            self._plain.post_processor = fast.post_processor
        ours: list[normalizers.Normalizer] = [line_breaks, normalizers.NFC()]
        fast.normalizer = normalizers.Sequence(ours if own is None else [*ours, own])

    def encode(self, texts: Sequence[str], *, special_tokens: bool) -> list[Encoding]:
        """Return the library's encodings of texts, with offsets into them as sent."""
        if len(texts) == 1:  # a batch call would wake the library's threads for it
            tokenizer, text = self._choose(texts[0])
            return [tokenizer.encode(text, add_special_tokens=special_tokens)]
        found: dict[int, Encoding] = {}
        chosen = [self._choose(text) for text in texts]
        for tokenizer in {self._plain, self._fast}:
            rows = [row for row, (its, _) in enumerate(chosen) if its is tokenizer]
            batch = [chosen[row][1] for row in rows]
            encoded = tokenizer.encode_batch(batch, add_special_tokens=special_tokens)
            found.update(zip(rows, encoded, strict=True))
        return [found[row] for row in range(len(texts))]

    def _choose(self, text: str) -> tuple[FastTokenizer, str]:
        """Return the tokenizer of a text, and what that has to read."""
        if not self._is_plain.fullmatch(text):
            return self._fast, text
        return self._plain, text.lower() if self._lowercase else text


def _reads_plain_texts(fast: FastTokenizer) -> bool:
    """Return whether a tokenizer's own normalisation is BERT's, which ASCII is known to pass."""
    return (
        isinstance(fast.normalizer, normalizers.BertNormalizer)
        and isinstance(fast.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
        and not any(token.normalized for token in fast.get_added_tokens_decoder().values())
    )
