"""A tokenizer of one's own: word pieces (Schuster & Nakajima 2012) learnt from training texts."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from function.core.tokenization import TextTokenizer, TokenIds
from scripts.training.cache import cache_key, cached

PAD, UNKNOWN = "[PAD]", "[UNK]"
LONGEST_WORD = 100  # characters; what is longer is unknown
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)  # which the project reads as white space
ALPHABET = 1000  # the most characters that are pieces by themselves


def learn_word_pieces(texts: Sequence[str], size: int) -> Path:
    """A `tokenizer.json` of at most so many pieces; the same texts give the same file.

    Every character of the training texts is a piece, so a new word is never unknown, save for
    characters that they do not have.
    """
    name = f"tokenizers/{cache_key(f'word pieces {size}', texts)}.json"
    return cached(name, lambda file: _learn(texts, size).save(str(file)))


def tokenize_cached(
    texts: Sequence[str], tokenizer: TextTokenizer, tokenizer_file: Path
) -> list[TokenIds]:
    """The content token ids of each text, read from the cache where they were made before."""
    key = cache_key("tokens", tokenizer_file.read_bytes(), texts)

    def make(file: Path) -> None:
        ids = [encoded.ids for encoded in tokenizer.encode(texts)]
        lengths = np.array([len(each) for each in ids], dtype=np.int64)
        with file.open("wb") as opened:
            np.savez(opened, ids=np.concatenate(ids).astype(np.int32), lengths=lengths)

    with np.load(cached(f"tokens/{key}.npz", make), allow_pickle=False) as found:
        ends = np.cumsum(found["lengths"])[:-1]
        return [each.astype(np.int64) for each in np.split(found["ids"], ends)]


def _learn(texts: Sequence[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece(unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD)
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        limit_alphabet=ALPHABET,
        special_tokens=[PAD, UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator((BREAK.sub(" ", text) for text in texts), trainer)
    return tokenizer
