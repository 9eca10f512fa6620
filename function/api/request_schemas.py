"""Schemas of requests of the native protocol, and parts of requests that others share."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from function.core.tokenization import Text, TextPair
from function.core.types import Grouping, Options

REVIEW = "A warm, funny film that never talks down to its audience."
MAX_MEMBERS = 32
# A minimum length makes pydantic refuse half surrogate pairs, which JSON can hold.
NonEmptyText = Annotated[str, Field(min_length=1)]
NonEmptyTexts = Annotated[list[NonEmptyText], Field(min_length=1, fail_fast=True)]


class ClosedModel(BaseModel):
    """Request, or a part of one, that refuses unknown members."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, given: object) -> object:
        """Refuse many members in one error: each unknown one is an error of its own."""
        if isinstance(given, dict) and len(given) > MAX_MEMBERS:
            raise PydanticCustomError(
                "too_many_members",
                "{members} members: send at most {limit}",
                {"members": len(given), "limit": MAX_MEMBERS},
            )
        return given


class Parameters(ClosedModel):
    """Options of the answer, and the treatment of long texts."""

    model_config = ConfigDict(frozen=True)

    top_k: Annotated[
        int | None, Field(ge=1, strict=True, description="Labels to score; all by default")
    ] = None
    explain: Annotated[
        bool, Field(strict=True, description="Also weigh the words; takes longer")
    ] = False
    long_text: Annotated[
        Literal["window", "truncate"] | None,
        Field(
            description="Use all of a long text in windows, or only its start; by default as the "
            "model does"
        ),
    ] = None

    grouping: Annotated[
        Grouping, Field(description="Entities as a whole, or each word by itself with its tag")
    ] = "entities"

    cascade: Annotated[
        Literal["auto", "off"],
        Field(description="Let a first stage answer texts of which it is sure, where there is one"),
    ] = "auto"

    def options(self) -> Options:
        return Options(
            self.top_k,
            self.explain,
            self.long_text,
            grouping=self.grouping,
            cascade=self.cascade,
        )


class PairSchema(ClosedModel):
    """Two texts, for models that read pairs."""

    text: NonEmptyText
    text_pair: NonEmptyText


def listed(texts: str | list[str]) -> list[str]:
    """Return the texts of a request, which may be a single one."""
    return [texts] if isinstance(texts, str) else texts


def texts_of(inputs: str | PairSchema | Sequence[str] | Sequence[PairSchema]) -> list[Text]:
    """Return the texts or pairs of a request, which may be a single one."""
    each = [inputs] if isinstance(inputs, str | PairSchema) else inputs
    return [text if isinstance(text, str) else TextPair(text.text, text.text_pair) for text in each]


def _form(inputs: object) -> str:
    first = inputs[0] if isinstance(inputs, list) and inputs else inputs
    pair = isinstance(first, PairSchema) or (isinstance(first, dict) and "text_pair" in first)
    return PAIRS if pair else TEXTS


# Tags of the two forms; errors name no location that is no identifier.
TEXTS, PAIRS = "single texts", "pairs of texts"
TextsOrPairs = Annotated[
    Annotated[
        Annotated[str, Field(min_length=1)]
        | Annotated[list[str], Field(min_length=1, fail_fast=True)],
        Tag(TEXTS),
    ]
    | Annotated[PairSchema | Annotated[list[PairSchema], Field(fail_fast=True)], Tag(PAIRS)],
    Discriminator(_form),
]


class PredictRequest(ClosedModel):
    """One text, or several to be answered together; or one pair of texts, or several."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": REVIEW, "parameters": {"explain": True}}]}
    )

    inputs: TextsOrPairs
    parameters: Parameters = Parameters()

    def texts(self) -> list[Text]:
        return texts_of(self.inputs)
