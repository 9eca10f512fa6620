"""First stage of a cascade: a linear model over hashed n-grams of a text's own token ids.

    token ids ─► 1- to 3-grams ─► buckets of a table ─► logits ─► P(right) ─► sure: the answer
                                                                    └─ not sure: the full model,
                                                                       blended with these logits

It reads the whole text in the time of a few hundred additions. Where its margin is large it is
right more often than the full model, and that is measured before an artifact may carry it: see
`scripts/train/cascade.py`.
"""

import math
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from function.core.artifact import Artifact
from function.core.decoding import Scores
from function.core.errors import ArtifactError
from function.core.file_formats import read_safetensors_header
from function.core.manifest import Cascade
from function.core.tokenization import TokenIds

Buckets = npt.NDArray[np.intp]
Table = npt.NDArray[np.int8]

TABLE, SCALE, BIAS = "table", "scale", "bias"
NUMPY_TYPES = {"I8": "int8", "F32": "float32"}
# Odd multipliers of 64 bits, one for each place in an n-gram; any change makes every table useless.
MULTIPLIERS = tuple(
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
MOST_RIGHT, LEAST = 1 - 1e-6, 1e-300


@dataclass(frozen=True)
class FirstAnswer:
    """The first stage's answer to one text.

    Attributes:
        source: The first stage.
        logits: (labels,) before any calibration.
        right: Probability that its best label is right, by margin and length.
        sure: It may answer: the full model need not read the text.
    """

    source: "FirstStage"
    logits: Scores
    right: float
    sure: bool

    @property
    def calibrated(self) -> list[float]:
        """Return log-probabilities, (labels,): `right` for the best, the others in proportion."""
        logits, right = self.logits.tolist(), min(self.right, MOST_RIGHT)
        highest = max(logits)
        best = logits.index(highest)
        weights = [math.exp(logit - highest) for logit in logits]
        weights[best] = 0.0
        others = max(sum(weights), LEAST)
        chances = [(1 - right) * weight / others for weight in weights]
        chances[best] = right
        return [math.log(max(chance, LEAST)) for chance in chances]


class FirstStage:
    """A table of int8 weights by bucket, (buckets, columns), with a scale and a bias by column.

    Two labels share one column, the log-odds of the second; more have one each.
    """

    def __init__(self, settings: Cascade, table: Table, scale: Scores, bias: Scores) -> None:
        self.settings = settings
        self._table, self._scale, self._bias = table, scale, bias

    def reads(self, ids: TokenIds) -> bool:
        """Return whether a text is long enough for it."""
        return len(ids) >= self.settings.least_tokens

    def answer(self, ids: TokenIds) -> FirstAnswer:
        """Answer a text by its token ids, without special tokens; at least one."""
        logits = self.logits(ids)
        runner_up, best = sorted(logits.tolist())[-2:]
        right = self.settings.right(best - runner_up, len(ids))
        return FirstAnswer(self, logits, right, right >= self.settings.threshold)

    def logits(self, ids: TokenIds) -> Scores:
        """Return the logits, (labels,), of token ids; of none, the biases."""
        buckets = hash_ngrams(ids, len(self._table))
        sums = self._table[buckets].sum(axis=0, dtype=np.int64)
        columns = sums * self._scale / np.sqrt(max(len(buckets), 1)) + self._bias
        return np.array([0.0, columns[0]]) if len(columns) == 1 else columns

    def blend(self, full: Scores, first: Scores) -> Scores:
        """Return the calibrated logits of a text that both stages read, (labels,) each."""
        return self.settings.blend.full * full + self.settings.blend.first * first


def hash_ngrams(ids: TokenIds, buckets: int) -> Buckets:
    """Return the buckets of all 1- to 3-grams, each once, in no order.

    A set finds them: sorting in numpy takes half a megabyte of its code.

    Args:
        ids: (tokens,), none if an explanation removes the only word.
        buckets: size of the table, a power of two.
    """
    first, second, third = MULTIPLIERS
    unigrams = (ids.astype(np.uint64) + np.uint64(1)) * first
    bigrams = (unigrams[:-1] ^ (unigrams[1:] >> np.uint64(7))) * second
    trigrams = (bigrams[:-1] ^ (unigrams[2:] >> np.uint64(11))) * third
    hashes = np.concatenate((unigrams, bigrams, trigrams))
    hashes ^= hashes >> np.uint64(29)
    hashes *= second
    hashes >>= np.uint64(65 - buckets.bit_length())
    return np.fromiter(set(hashes.tolist()), np.intp)


def open_first_stage(artifact: Artifact) -> FirstStage | None:
    """Open the first stage of an artifact; None if it has no cascade.

    The table is mapped, so that a text touches only the pages of its own n-grams. Raises
    ArtifactError if the file is not what the manifest says.
    """
    settings = artifact.manifest.cascade
    if settings is None:
        return None
    path = artifact.file("first_stage")
    name, labels = f"{artifact.path.name}/{path.name}", len(artifact.manifest.labels)
    if artifact.manifest.decoding.kind != "softmax":
        raise ArtifactError(f"{name}: only text classification by a softmax has a first stage")
    columns = 1 if labels == 2 else labels
    tensors = _map_tensors(path, name)
    needed = {
        TABLE: ("int8", (settings.buckets, columns)),
        SCALE: ("float32", (columns,)),
        BIAS: ("float32", (columns,)),
    }
    found = {key: (str(tensor.dtype), tensor.shape) for key, tensor in tensors.items()}
    if found != needed:
        raise ArtifactError(f"{name}: its tensors are {found}, the cascade needs {needed}")
    scale, bias = (np.array(tensors[key], np.float64) for key in (SCALE, BIAS))
    if not np.isfinite([*scale, *bias]).all():
        raise ArtifactError(f"{name}: numbers in it are not finite")
    return FirstStage(settings, tensors[TABLE].view(np.int8), scale, bias)


def _map_tensors(path: Path, name: str) -> dict[str, npt.NDArray[np.generic]]:
    """Map the tensors of a safetensors file; raises ArtifactError if its header does not fit it."""
    try:
        with path.open("rb") as file:
            header, start = read_safetensors_header(file, path.stat().st_size)
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[start:]
        return {
            key: np.frombuffer(
                data[slice(*entry["data_offsets"])], NUMPY_TYPES[entry["dtype"]]
            ).reshape(entry["shape"])
            for key, entry in header.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{name}: cannot be read as a first stage: {error!r}") from error
