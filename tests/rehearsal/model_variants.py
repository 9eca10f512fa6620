"""Variants of the bundled model: a better, a worse, and one that fails on a word no test has.

Each is a whole artifact, which the gate and the smoke test take for any other.
"""

import json
import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from function.core.artifact import sha256
from function.core.manifest import MANIFEST
from scripts.common.errors import UsageError

WEIGHTS, TOKENIZER, BIAS = "model.safetensors", "tokenizer.json", "classifier.bias"
# A word that callers use, and neither golden set nor smoke test.
WORD = "zoology"
NO_TOKEN = 999_999  # the model has no embedding for it
Change = Callable[[Path], None]


class Weights:
    """A safetensors file in memory: a header with the offset of each tensor, then the tensors."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        (length,) = struct.unpack_from("<Q", content)
        self._header = json.loads(content[8 : 8 + length])
        self._begin = 8 + length

    def floats(self, tensor: str, first: int, count: int) -> tuple[float, ...]:
        """Return `count` numbers of a float32 tensor, from an index on."""
        return struct.unpack_from(f"<{count}f", self.content, self._offset(tensor, first))

    def put(self, tensor: str, first: int, *numbers: float) -> None:
        """Replace numbers of a float32 tensor, from an index on."""
        offset = self._offset(tensor, first)
        struct.pack_into(f"<{len(numbers)}f", self.content, offset, *numbers)

    def _offset(self, tensor: str, first: int) -> int:
        return int(self._begin + self._header[tensor]["data_offsets"][0] + 4 * first)


def leaning(by: float) -> Change:
    """Return a change that favours `positive`, by this much on each of the two logits.

    The bundled model finds too few positive texts of its golden set: a small positive value makes
    it better, a large negative one worse.
    """

    def change(folder: Path) -> None:
        weights = Weights((folder / WEIGHTS).read_bytes())
        negative, positive = weights.floats(BIAS, 0, 2)
        weights.put(BIAS, 0, negative - by, positive + by)
        (folder / WEIGHTS).write_bytes(weights.content)

    return change


def breaking_on(word: str, also: Change) -> Change:
    """Return a change that also gives one word a token that the model does not have."""

    def change(folder: Path) -> None:
        also(folder)
        path = folder / TOKENIZER
        document = json.loads(path.read_text(encoding="utf-8"))
        if word not in document["model"]["vocab"]:
            raise UsageError(f"'{word}' is no word of {path}")
        document["model"]["vocab"][word] = NO_TOKEN
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")

    return change


def write_variant(origin: Path, folder: Path, change: Change) -> str:
    """Write a changed artifact to a new folder; return its version."""
    shutil.copytree(origin, folder)
    change(folder)
    manifest = json.loads((origin / MANIFEST).read_text(encoding="utf-8"))
    for name, described in manifest["files"].items():
        content = (folder / name).read_bytes()
        described.update(sha256=sha256(content), bytes=len(content))
    now = datetime.now(UTC)
    manifest["created"] = now.isoformat(timespec="seconds")
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return f"{now:%Y%m%d}-{sha256(text.encode())[:8]}"
