"""Model directory: `manifest.json` and the files that it lists, nothing else.

directory ──> manifest ──> exactly its files there ──> formats proved ──> digests match
                 │                  │                      │                 │
                 └───────────── ArtifactError, naming the file ──────────────┘
"""

import hashlib
import math
import operator
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from function.core.errors import ArtifactError
from function.core.file_formats import check_format
from function.core.tokenization import LongText, TokenizationSettings
from function.core.types import OUTSIDE, Aggregation

MANIFEST = "manifest.json"
DECISIONS = {"synonyms", "questions", "levels"}  # its members about typed decisions

Role = Literal["graph", "weights", "tokenizer", "config", "decoder", "first_stage", "card"]

# Extensions of files that could run code on load.
PICKLE_SUFFIXES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz"}


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("a name is in it twice")
    return names


# Beyond these bounds, probabilities are all equal, all 0 or 1, or in reverse.
Temperature = Annotated[float, Field(ge=1e-3, le=1e3)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(_different)]
# As sentence-transformers calls what makes one vector of those of the tokens.
Pooling = Literal["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens", "weightedmean"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Section):
    """Listed file, with its SHA-256 in 64 hex digits."""

    sha256: str
    bytes: int
    role: Role


class Tokenization(_Section):
    """Settings that turn texts into windows; see `TokenizationSettings`.

    `window` is `long_text` there; `casing` adds the casing to token ids: see `core/casing.py`.
    `pairs`: the model reads pairs of texts; with `segments` it takes `token_type_ids` as well.
    """

    max_tokens: Annotated[int, Field(ge=1, le=131_072)]
    window: LongText
    stride: Annotated[int, Field(ge=0)]
    max_windows: Annotated[int, Field(ge=1, le=4096)]
    casing: bool = False
    pairs: Annotated[bool, Field(exclude_if=operator.not_)] = False
    segments: Annotated[bool, Field(exclude_if=operator.not_)] = False

    @model_validator(mode="after")
    def _windows_advance(self) -> Self:
        if self.stride >= self.max_tokens:
            raise ValueError(
                f"windows of {self.max_tokens} tokens cannot share {self.stride}: they would never "
                "reach the end of a text"
            )
        return self

    def settings(self) -> TokenizationSettings:
        return TokenizationSettings(
            self.max_tokens, self.stride, self.window, self.max_windows, self.pairs
        )


Task = Literal["text-classification", "token-classification", "feature-extraction"]
# The member of a prediction that holds the answer: what clients, files and golden sets depend on.
AnswerKey = Literal["label", "labels", "score", "entities", "embedding"]
USUAL_ANSWERS: dict[Task, AnswerKey] = {
    "text-classification": "label",
    "token-classification": "entities",
    "feature-extraction": "embedding",
}


class SoftmaxDecoding(_Section):
    """Decoding of logits by a softmax; they are divided by `temperature` (Guo et al. 2017)."""

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "label"

    kind: Literal["softmax"] = "softmax"
    temperature: Temperature = 1.0


class SigmoidDecoding(_Section):
    """Decoding of each label by itself, for texts with several labels or none.

    A text has the labels whose probability is above their threshold, one a label of the manifest.
    """

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "labels"

    kind: Literal["sigmoid"] = "sigmoid"
    thresholds: list[Annotated[float, Field(ge=0, le=1)]]
    temperature: Temperature = 1.0


class ScoreDecoding(_Section):
    """Decoding of the one output to a number: as it is (regression), or its sigmoid."""

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "score"

    kind: Literal["score"] = "score"
    activation: Literal["none", "sigmoid"]
    temperature: Temperature = 1.0


class CrfDecoding(_Section):
    """Decoding of emissions by a linear-chain CRF (Lafferty et al. 2001), from role `decoder`.

    Tags are `O`, or `B-`, `I-`, `E-` or `S-` and a label. `temperature` divides emissions and
    transitions before they become probabilities.
    """

    task: ClassVar[Task] = "token-classification"
    answer_key: ClassVar[AnswerKey] = "entities"

    kind: Literal["crf"] = "crf"
    tags: Names
    temperature: Temperature = 1.0


class ArgmaxDecoding(_Section):
    """Decoding of tags token by token, as transformers' pipeline does it.

    Tags are `O`, or `B-` or `I-` and a label, or a label alone. `aggregation` makes one tag of the
    tokens of a word; see `core/tagging.py`.
    """

    task: ClassVar[Task] = "token-classification"
    answer_key: ClassVar[AnswerKey] = "entities"

    kind: Literal["argmax"] = "argmax"
    tags: Names
    aggregation: Aggregation = "simple"
    temperature: Temperature = 1.0


class EmbeddingDecoding(_Section):
    """Decoding of the tokens' vectors to one a text; see `core/embedding.py`.

    `prompts` are prefixes of texts by name, as sentence-transformers has them.
    """

    task: ClassVar[Task] = "feature-extraction"
    answer_key: ClassVar[AnswerKey] = "embedding"
    temperature: ClassVar[float] = 1.0  # there are no logits

    kind: Literal["embedding"] = "embedding"
    pooling: Pooling = "mean"
    normalize: bool = False
    dimensions: Annotated[int, Field(ge=1)]
    prompts: dict[str, str] = {}
    default_prompt: str | None = None

    @model_validator(mode="after")
    def _known_prompt(self) -> Self:
        if self.default_prompt not in (None, *self.prompts):
            raise ValueError(f"default_prompt: no prompt '{self.default_prompt}'")
        return self


Decoding = Annotated[
    SoftmaxDecoding
    | SigmoidDecoding
    | ScoreDecoding
    | CrfDecoding
    | ArgmaxDecoding
    | EmbeddingDecoding,
    Field(discriminator="kind"),
]


class Blend(_Section):
    """Weights of both stages' calibrated logits in an answer to which both contribute."""

    model_config = ConfigDict(allow_inf_nan=False)

    full: float
    first: float


class Cascade(_Section):
    """A first stage that answers texts of which it is sure; see `core/cascade.py`.

    Attributes:
        buckets: size of its table, a power of two.
        certainty: coefficients of P(right): constant, margin, log tokens, margin times log tokens.
        threshold: P(right) from which on it answers; above even odds, so that its best label is
            also the most probable.
        least_tokens: of texts that it reads; the full model answers shorter ones alone.
        proof: texts, share answered, accuracies and their paired interval; see
            `scripts/train/cascade.py`.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    kind: Literal["ngrams"]
    buckets: Annotated[int, Field(ge=1 << 10, le=1 << 24)]
    certainty: tuple[float, float, float, float]
    threshold: Annotated[float, Field(gt=0.5, le=1)]
    least_tokens: Annotated[int, Field(ge=1)] = 1
    blend: Blend
    proof: dict[str, Any]

    @field_validator("buckets")
    @classmethod
    def _power_of_two(cls, buckets: int) -> int:
        if buckets & (buckets - 1):
            raise ValueError(f"{buckets} is no power of two")
        return buckets

    def right(self, margin: float, tokens: int) -> float:
        """Return the probability that the first stage is right.

        Args:
            margin: of its best logit to the next one.
            tokens: of the whole text, without special tokens.
        """
        constant, by_margin, by_length, by_both = self.certainty
        length = math.log(max(tokens, 1))
        score = constant + by_margin * margin + by_length * length + by_both * margin * length
        return 1 / (1 + math.exp(-max(min(score, 500.0), -500.0)))


class Manifest(_Section):
    """Description of an artifact. Written once, after evaluation.

    `samples` are texts for people to try, `cascade` describes a first stage. The last three say
    which typed decisions the model takes: `synonyms` are other words for a label, `questions` the
    label that answers yes to each, `levels` the rating at which each level of a scale lies. A
    manifest without one does not have its key. Version 2 added them all.
    """

    schema_version: Literal[1, 2]
    model: str
    task: Task
    labels: Annotated[list[str], AfterValidator(_different)]
    created: datetime
    files: dict[str, FileEntry]
    tokenization: Tokenization
    decoding: Decoding
    metrics: dict[str, dict[str, float]]
    profile: dict[str, Any]
    provenance: dict[str, Any]
    samples: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=5000)]],
        Field(max_length=12, exclude_if=lambda samples: not samples),
    ] = []

    cascade: Annotated[Cascade | None, Field(exclude_if=lambda cascade: cascade is None)] = None
    synonyms: Annotated[dict[str, list[str]], Field(exclude_if=operator.not_)] = {}
    questions: Annotated[dict[str, str], Field(exclude_if=operator.not_)] = {}
    levels: Annotated[
        dict[str, Annotated[float, Field(allow_inf_nan=False)]], Field(exclude_if=operator.not_)
    ] = {}

    @property
    def outputs(self) -> int:
        """Return the number of outputs: of labels, tags of the decoding, or dimensions."""
        if isinstance(self.decoding, EmbeddingDecoding):
            return self.decoding.dimensions
        return len(getattr(self.decoding, "tags", self.labels))

    @model_validator(mode="after")
    def _choice_of_labels(self) -> Self:
        if self.decoding.kind == "softmax" and len(self.labels) < 2:
            raise ValueError("labels: a softmax needs two or more")
        for tag in getattr(self.decoding, "tags", ()):
            if tag != OUTSIDE and not {tag, tag[2:]} & {*self.labels}:
                raise ValueError(f"decoding: the tag '{tag}' is of no label")
        if bool(self.labels) == (self.decoding.kind == "embedding"):
            raise ValueError("labels: an embedding has none, and every other head at least one")
        return self

    @model_validator(mode="after")
    def _decisions_of_this_model(self) -> Self:
        for label in {*self.synonyms, *self.questions.values()} - {*self.labels}:
            raise ValueError(f"synonyms, questions: '{label}' is no label")
        if self.questions and getattr(self.decoding, "activation", self.task) == "none":
            raise ValueError("questions: this model's number is no probability")
        ratings = list(self.levels.values())
        rising = len(ratings) > 1 and ratings == sorted({*ratings})
        if ratings and (self.decoding.kind != "score" or not rising):
            raise ValueError("levels: of a model that rates, two or more, the lowest rating first")
        return self

    @model_validator(mode="after")
    def _readers_of_pairs(self) -> Self:
        if self.tokenization.pairs and (self.cascade or self.task != "text-classification"):
            raise ValueError("tokenization: pairs are for text classification without a cascade")
        return self

    @field_validator("files")
    @classmethod
    def _plain_relative_paths(cls, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or name == MANIFEST:
                raise ValueError(f"'{name}' is not a path inside the artifact")
        return files


@dataclass(frozen=True)
class Artifact:
    """Directory with a parsed manifest, whose SHA-256 is `digest`.

    Listed files that the backend in use does not need may be `absent`.
    """

    path: Path
    manifest: Manifest
    digest: str
    absent: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """Return `YYYYMMDD-<8 hex>`, derived, so that it always agrees with the content."""
        return f"{self.manifest.created:%Y%m%d}-{self.digest[:8]}"

    def file(self, role: Role) -> Path:
        """Return the path of the first file of a role; raises ArtifactError if none is listed."""
        for name, entry in self.manifest.files.items():
            if entry.role == role:
                return self.path / name
        raise ArtifactError(f"{self.path.name}: the manifest lists no file of role '{role}'")


def open_artifact(path: Path, optional: Collection[Role] = ()) -> Artifact:
    """Read a manifest and check that exactly its files are there, by name and size.

    `verify` checks the digests, so that both can overlap other work. Raises ArtifactError if a file
    is missing (unless `optional`), unlisted, a pickle or of another size.
    """
    artifact = read_manifest(path)
    present = {
        file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir()
    } - {MANIFEST}
    for name in sorted(present - artifact.manifest.files.keys()):
        raise ArtifactError(f"{path.name}/{name}: not listed in the manifest")
    files = artifact.manifest.files
    absent = {name for name in files.keys() - present if files[name].role in optional}
    for name, entry in files.items():
        file = path / name
        if name in absent:
            continue
        if name not in present or file.is_symlink():
            raise ArtifactError(f"{path.name}/{name}: listed in the manifest but missing")
        if file.suffix.lower() in PICKLE_SUFFIXES:
            raise ArtifactError(f"{path.name}/{name}: pickles and archives are never loaded")
        if file.stat().st_size != entry.bytes:
            raise ArtifactError(
                f"{path.name}/{name}: {file.stat().st_size} bytes, the manifest says {entry.bytes}"
            )
    return replace(artifact, absent=frozenset(absent))


def read_manifest(path: Path) -> Artifact:
    """Read a directory's manifest alone; raises ArtifactError if it is absent or invalid."""
    try:
        content = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}/{MANIFEST}: {error.strerror}") from error
    return Artifact(path, parse_manifest(content, str(path.name)), sha256(content))


def parse_manifest(content: bytes, name: str) -> Manifest:
    """Parse and check a manifest, of an artifact with this name in errors.

    Raises ArtifactError that names the invalid key.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(f"{name}/{MANIFEST}: {key or 'content'}: {first['msg']}") from error


def verify(artifact: Artifact) -> None:
    """Prove every file's format, and compare its SHA-256 with the manifest.

    Raises ArtifactError that names a file that differs, or is not of its role's format.
    """
    for name, entry in artifact.manifest.files.items():
        if name in artifact.absent:
            continue
        path = artifact.path / name
        try:
            check_format(path, entry.role)
        except ValueError as error:
            raise ArtifactError(
                f"{artifact.path.name}/{name}: not a file of role '{entry.role}': {error}; "
                "pickles and archives are never loaded"
            ) from error
        if digest_file(path) != entry.sha256:
            raise ArtifactError(
                f"{artifact.path.name}/{name}: its SHA-256 differs from the manifest's"
            )


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file in 64 hex digits; raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes in 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def describe_files(path: Path, roles: Iterable[tuple[str, Role]]) -> dict[str, FileEntry]:
    """Return manifest entries for files of a directory, from pairs of name and role."""
    entries = {}
    for name, role in roles:
        content = (path / name).read_bytes()
        entries[name] = FileEntry(sha256=sha256(content), bytes=len(content), role=role)
    return entries
