"""Vectors of word pieces from the company that they keep (skip-gram with negative sampling, Mikolov
et al. 2013): what a network from scratch may start with, and 22,500 labels are too few to teach."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gensim.models import Word2Vec

from function.core.tokenization import TokenIds
from scripts.training.cache import cache_key, cached

WINDOW, NEGATIVE, EPOCHS = 8, 8, 4
RARE = 3  # occurrences below which a piece's company says nothing
FREQUENT = 1e-4  # the share of all pieces from which on occurrences are skipped at random
WORKERS = 2  # threads: with more than one, two runs differ a little
SPREAD = 0.3  # standard deviation of the numbers, as large as what training makes of them


def learn_word_vectors(
    ids: Sequence[TokenIds], vocabulary: int, width: int, seed: int
) -> npt.NDArray[np.float32]:
    """(vocabulary, width); zeros for pieces that hardly occur."""
    contents = np.concatenate(ids).astype(np.int32).tobytes()
    settings = (WINDOW, NEGATIVE, EPOCHS, RARE, FREQUENT, vocabulary, width, seed)
    name = f"vectors/{cache_key(str(settings), contents)}.npy"

    def make(file: Path) -> None:
        with file.open("wb") as opened:
            np.save(opened, _learn(ids, vocabulary, width, seed), allow_pickle=False)

    vectors: npt.NDArray[np.float32] = np.load(cached(name, make), allow_pickle=False)
    return vectors


def _learn(
    ids: Sequence[TokenIds], vocabulary: int, width: int, seed: int
) -> npt.NDArray[np.float32]:
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
