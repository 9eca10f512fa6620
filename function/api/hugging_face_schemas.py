"""Requests of Hugging Face's protocols: its Inference schema, and text-embeddings-inference's.

Members that are not listed are ignored, unlike in our own protocol. Hugging Face's servers do so:
text-embeddings-inference skips them, and the Inference schema leaves room for them, as its clients
send every model what some task knows (`options`, `padding`, `max_length`).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from function.api.schemas import REVIEW
from function.core.errors import InputError
from function.core.tokenization import LongText
from function.core.types import OUTSIDE, Activation, Options


def _said_once(message: str) -> WrapValidator:
    """One message in place of one for each form that a value might have had."""

    def validate(value: object, inner: ValidatorFunctionWrapHandler) -> object:
        try:
            return inner(value)
        except ValidationError as error:
            raise PydanticCustomError("form", message) from error

    return WrapValidator(validate)


# pydantic looks for half surrogate pairs, which JSON can hold, where it has to count characters.
Text = Annotated[str, Field(min_length=1)]
SingleText = Annotated[list[Text], Field(min_length=1, max_length=1)]


class HuggingFaceParameters(BaseModel):
    """What to answer. Other parameters are ignored."""

    model_config = ConfigDict(frozen=True)

    top_k: Annotated[int | None, Field(ge=1, description="Labels to score; all by default")] = None
    function_to_apply: Annotated[
        Activation | None, Field(description="What makes scores of logits; softmax by default")
    ] = None
    aggregation_strategy: Annotated[
        Literal["none", "simple", "first", "average", "max"] | None,
        Field(
            description="Of entities: `none` answers each word by itself, the others whole "
            "entities. A word has one tag here, that of its first token: they are the same"
        ),
    ] = None
    ignore_labels: Annotated[
        tuple[str, ...] | None,
        Field(description="Of entities: those to leave out; `O`, which is none, by default"),
    ] = None
    truncation: Annotated[
        bool | None,
        Field(
            description="Read the start of a long text alone, or all of it, in windows; the "
            "model's way by default"
        ),
    ] = None

    @property
    def by_word(self) -> bool:
        """Whether entities are answered word by word."""
        return self.aggregation_strategy == "none"

    @property
    def left_out(self) -> Sequence[str]:
        """The labels of entities that are not wanted."""
        return (OUTSIDE,) if self.ignore_labels is None else self.ignore_labels

    def options(self) -> Options:
        return Options(
            self.top_k,
            long_text=_long_text(self.truncation),
            activation=self.function_to_apply or "softmax",
            grouping="words" if self.by_word else "entities",
            # Words are numbered with those between entities.
            outside=self.by_word or OUTSIDE not in self.left_out,
        )


class HuggingFaceRequest(BaseModel):
    """One text, or several to be answered together. Other members are ignored: `options` ask for
    a cache, which there is none of, or to wait for a model, which 503 and `Retry-After` are for.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": REVIEW, "parameters": {"top_k": 1}}]}
    )

    inputs: Annotated[
        Text | Annotated[list[Text], Field(min_length=1, fail_fast=True)],
        _said_once("send a text or a list of texts, of which none may be empty"),
    ]
    parameters: HuggingFaceParameters | None = None

    def texts(self) -> list[str]:
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs

    def options(self) -> Options:
        return self.asked.options()

    @property
    def asked(self) -> HuggingFaceParameters:
        """The parameters, as they are where none are sent."""
        return self.parameters or HuggingFaceParameters()


class TokenSchema(BaseModel):
    """An entity, or a word with its tag, as `aggregation_strategy` asks. index: of the word."""

    entity_group: str | None = None
    entity: str | None = None
    index: int | None = None
    score: float
    word: str
    start: int
    end: int


class TextEmbeddingsRequest(BaseModel):
    """One text, bare or in a list, or a batch of such lists. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": REVIEW}]})

    inputs: Annotated[
        Text | SingleText | Annotated[list[SingleText], Field(min_length=1, fail_fast=True)],
        _said_once(
            'send a text, or a batch of texts as [["one"], ["another"]]; this model does not read '
            'pairs, which ["one", "another"] stands for'
        ),
    ]
    raw_scores: Annotated[bool, Field(description="Logits in place of probabilities")] = False
    truncate: Annotated[
        bool | None,
        Field(
            description="true: read the start of a long text alone. false: read all of it, in "
            "windows, and refuse what takes too many. The model's way by default"
        ),
    ] = None
    truncation_direction: Annotated[
        Literal["Right", "right", "Left", "left"],
        Field(description="Where a text is cut; 'Left' is refused with `truncate`"),
    ] = "Right"

    def texts(self) -> list[str]:
        if isinstance(self.inputs, str):
            return [self.inputs]
        return [item if isinstance(item, str) else item[0] for item in self.inputs]

    @property
    def is_batch(self) -> bool:
        """Whether the answer is a list for each text; one text's answer is flat."""
        return not isinstance(self.inputs[0], str)

    def options(self) -> Options:
        """Raises InputError."""
        if self.truncate and self.truncation_direction in ("Left", "left"):
            raise InputError("truncation_direction: texts are cut at their end here; send 'Right'")
        return Options(
            long_text=_long_text(self.truncate), activation="none" if self.raw_scores else "softmax"
        )


def _long_text(truncated: bool | None) -> LongText | None:
    if truncated is None:
        return None
    return "truncate" if truncated else "window"
