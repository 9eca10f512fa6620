"""Teachers' answers, which are computed once and kept in the cache.

The cache has a folder for each teacher, by its digest, of files that hold digests of some texts and
the answers to them. Each file is written whole or not at all, so that a killed run goes on behind
the last one.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scripts.common.errors import UsageError
from scripts.common.progress import Progress, log
from scripts.train import cache
from scripts.train.cache import cache_key, cached
from scripts.train.teacher import Answer, Ask, CountTokens, Teacher

BATCH = 32
CHUNK = 256  # texts of one file of the cache: the most that a killed run computes again


def ask_teacher(teacher: Teacher, texts: Sequence[str]) -> dict[str, Answer]:
    """Return the answer to each text; those that the cache lacks are computed, and kept."""
    place = f"teachers/{teacher.digest[:32]}"
    wanted = {_key(text): text for text in texts}
    found = _read(cache.CACHE / place)
    missing = sorted(wanted.keys() - found.keys(), key=lambda key: (-len(wanted[key]), key))
    log(f"teacher {teacher.name}: {len(wanted):,} texts, {len(missing):,} not in the cache")
    if missing:
        count, ask = teacher.load()
        done = len(wanted) - len(missing)
        with Progress(f"teacher {teacher.name}", len(wanted), done) as progress:
            for start in range(0, len(missing), CHUNK):
                keys = missing[start : start + CHUNK]
                answers = []
                for first in range(0, len(keys), BATCH):
                    batch = [wanted[key] for key in keys[first : first + BATCH]]
                    answers += _answers(batch, count, ask, len(teacher.columns))
                    progress.advance(len(batch))
                _write(place, keys, answers)
                found.update(zip(keys, answers, strict=True))
    return {text: found[key] for key, text in wanted.items()}


def _answers(texts: Sequence[str], count: CountTokens, ask: Ask, columns: int) -> list[Answer]:
    asked = [row for row, text in enumerate(texts) if count(text)]
    answers = [np.zeros((0, columns), dtype=np.float16) for _ in texts]
    for row, answer in zip(asked, ask([texts[row] for row in asked]) if asked else (), strict=True):
        if not np.isfinite(answer).all():
            raise UsageError("distillation.teacher: it answers with numbers that are not finite")
        answers[row] = answer.astype(np.float16)
    return answers


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _read(folder: Path) -> dict[bytes, Answer]:
    """Read a teacher's answers; a file that a full disk or a crash has torn is removed."""
    found: dict[bytes, Answer] = {}
    for file in sorted(folder.glob("?" * 64 + ".npz")):  # others are being written
        try:
            with np.load(file, allow_pickle=False) as parts:
                keys, lengths, values = parts["keys"], parts["lengths"], parts["values"]
            rows = np.split(values, np.cumsum(lengths)[:-1])
            found.update((key.tobytes(), row) for key, row in zip(keys, rows, strict=True))
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            log(f"{file}: damaged ({error}); its texts are answered again")
            file.unlink()
    return found


def _write(place: str, keys: Sequence[bytes], answers: Sequence[Answer]) -> None:
    def make(file: Path) -> None:
        with file.open("wb") as opened:
            np.savez(
                opened,
                keys=np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1),
                lengths=np.array([len(answer) for answer in answers]),
                values=np.concatenate(answers),
            )

    cached(f"{place}/{cache_key(b''.join(keys))}.npz", make)
