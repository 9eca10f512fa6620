"""Manifest of a model: its files, tokenization, head, cascade and measurements."""

import math
import operator
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

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
from function.core.heads import Decoding, EmbeddingDecoding, Section, Task, different
from function.core.tokenization import LongText
from function.core.types import OUTSIDE

MANIFEST = "manifest.json"

Role = Literal["graph", "weights", "tokenizer", "config", "decoder", "first_stage", "card"]


class FileEntry(Section):
    """Listed file, with its SHA-256 in 64 hex digits."""

    sha256: str
    bytes: int
    role: Role


class Tokenization(Section):
    """Settings that turn texts into windows.

    Attributes:
        max_tokens: Tokens of one window, special tokens included.
        window: Treatment of texts that are longer than one window.
        stride: Content tokens that two neighbouring windows share.
        max_windows: Windows after which the rest of a text is cut, which bounds its cost.
        casing: Casing is added to token ids: see `core/casing.py`.
        pairs: The model reads pairs of texts, each in one window.
        segments: The model takes `token_type_ids` of pairs as well.
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


class Blend(Section):
    """Weights of both stages' calibrated logits in an answer to which both contribute."""

    model_config = ConfigDict(allow_inf_nan=False)

    full: float
    first: float


class Cascade(Section):
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


class Manifest(BaseModel):
    """Description of an artifact. Written once, after evaluation.

    `samples` are texts for people to try, `cascade` describes a first stage. The last three say
    which typed decisions the model takes: `synonyms` are other words for a label, `questions` the
    label that answers yes to each, `levels` the rating at which each level of a scale lies. A
    manifest without one does not have its key. Version 2 added them all.
    """

    model_config = Section.model_config

    schema_version: Literal[1, 2]
    model: str
    task: Task
    labels: Annotated[list[str], AfterValidator(different)]
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
    def decisions(self) -> dict[str, dict[str, Any]]:
        """Return the members about typed decisions that it has."""
        members = {name: getattr(self, name) for name in ("synonyms", "questions", "levels")}
        return {name: member for name, member in members.items() if member}

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
            if tag != OUTSIDE and not {tag, tag.split("-", 1)[-1]} & {*self.labels}:
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
