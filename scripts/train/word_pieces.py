"""A tokenizer and word vectors, learnt from training texts and kept in a cache between runs."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gensim.models import Word2Vec
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from function.core.tokenization import TextTokenizer, TokenIds
from scripts.train.cache import cache_key, cached

PAD, UNKNOWN = "[PAD]", "[UNK]"
LONGEST_WORD = 100  # characters; what is longer is unknown
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)  # which the project reads as white space
ALPHABET = 1000  # the most characters that are pieces by themselves
WINDOW, NEGATIVE, EPOCHS = 8, 8, 4
RARE = 3  # occurrences below which a piece's company says nothing
FREQUENT = 1e-4  # the share of all pieces from which on occurrences are skipped at random
WORKERS = 2  # threads: with more than one, two runs differ a little
SPREAD = 0.3  # standard deviation of the numbers, as large as what training makes of them


def learn_word_pieces(texts: Sequence[str], size: int) -> Path:
    """Learn at most `size` word pieces (Schuster & Nakajima 2012), as a `tokenizer.json`.

    From the cache, the same texts give the same file. Every character of the training texts is a
    piece, so that a new word is never unknown, save for characters that they do not have.
    """
    name = f"tokenizers/{cache_key(f'word pieces {size}', texts)}.json"
    return cached(name, lambda file: _learn(texts, size).save(str(file)))


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


def tokenize_cached(
    texts: Sequence[str], tokenizer: TextTokenizer, tokenizer_file: Path
) -> list[TokenIds]:
    """Return the content token ids of each text, from the cache where they were made before."""
    key = cache_key("tokens", tokenizer_file.read_bytes(), texts)

    def make(file: Path) -> None:
        ids = [encoded.ids for encoded in tokenizer.encode(texts)]
        lengths = np.array([len(each) for each in ids], dtype=np.int64)
        with file.open("wb") as opened:
            np.savez(opened, ids=np.concatenate(ids).astype(np.int32), lengths=lengths)

    with np.load(cached(f"tokens/{key}.npz", make), allow_pickle=False) as found:
        ends = np.cumsum(found["lengths"])[:-1]
        return [each.astype(np.int64) for each in np.split(found["ids"], ends)]


def learn_word_vectors(
    ids: Sequence[TokenIds], vocabulary: int, width: int, seed: int
) -> npt.NDArray[np.float32]:
    """Learn vectors of word pieces from their company, (vocabulary, width).

    Skip-gram with negative sampling (Mikolov et al. 2013): a network from scratch may start with
    what 22,500 labels are too few to teach. Pieces that hardly occur have zeros.
    """
    contents = np.concatenate(ids).astype(np.int32).tobytes()
    settings = (WINDOW, NEGATIVE, EPOCHS, RARE, FREQUENT, vocabulary, width, seed)
    name = f"vectors/{cache_key(str(settings), contents)}.npy"

    def make(file: Path) -> None:
        with file.open("wb") as opened:
            np.save(opened, _train_vectors(ids, vocabulary, width, seed), allow_pickle=False)

    vectors: npt.NDArray[np.float32] = np.load(cached(name, make), allow_pickle=False)
    return vectors


def _train_vectors(
    ids: Sequence[TokenIds], vocabulary: int, width: int, seed: int
) -> npt.NDArray[np.float32]:
    counts = np.bincount(np.concatenate(ids), minlength=vocabulary)
    if counts.max() < RARE:
        return np.zeros((vocabulary, width), dtype=np.float32)
    found = Word2Vec(
        [list(map(str, text.tolist())) for text in ids],
        vector_size=width,
        window=WINDOW,
        sg=1,
        negative=NEGATIVE,
        epochs=EPOCHS,
        min_count=RARE,
        sample=FREQUENT,
        workers=WORKERS,
        seed=seed,
    ).wv
    table = np.zeros((vocabulary, width), dtype=np.float32)
    for piece, row in found.key_to_index.items():
        table[int(piece)] = found.vectors[row]
    spread = float(found.vectors.std())
    return np.asarray(table * (SPREAD / spread), dtype=np.float32)
