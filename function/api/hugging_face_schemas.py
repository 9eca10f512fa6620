"""Schemas of Hugging Face's protocols: its Inference schema, and text-embeddings-inference's.

Unlike our own protocol, both ignore unknown members. So do Hugging Face's servers:
text-embeddings-inference skips them, and the Inference schema allows them, because its clients send
members of one task to every model (`options`, `padding`, `max_length`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from function.api.problems import TEXTS_WANTED
from function.api.request_schemas import REVIEW, NonEmptyText, NonEmptyTexts, PairSchema, texts_of
from function.core.errors import InputError
from function.core.tokenization import LongText, Text, TextPair
from function.core.types import OUTSIDE, Activation, EmbeddingOptions, Options


def _said_once(message: str) -> WrapValidator:
    """Return a validator that replaces the errors of all accepted forms by one message."""

    def validate(value: object, inner: ValidatorFunctionWrapHandler) -> object:
        try:
            return inner(value)
        except ValidationError as error:
            raise PydanticCustomError("form", message) from error

    return WrapValidator(validate)


MAX_LABELS = 1000  # to omit
TextOrPair = Annotated[list[NonEmptyText], Field(min_length=1, max_length=2)]


Texts = Annotated[
    NonEmptyText | NonEmptyTexts,
    _said_once(TEXTS_WANTED),
]


class HuggingFaceParameters(BaseModel):
    """Options of the answer. Other parameters are ignored."""

    model_config = ConfigDict(frozen=True)

    top_k: Annotated[int | None, Field(ge=1, description="Labels to score; all by default")] = None
    function_to_apply: Annotated[
        Activation | None,
        Field(description="Function that turns logits into scores; by default the model's own"),
    ] = None
    aggregation_strategy: Annotated[
        Literal["none", "simple", "first", "average", "max"] | None,
        Field(
            description="For entities: `none` answers each word by itself, the others whole "
            "entities. Models with a CRF give a word one tag, that of its first token, so that the "
            "others are equal; of other models they choose the tag of a word's tokens, and `none` "
            "answers each token"
        ),
    ] = None
    ignore_labels: Annotated[
        tuple[str, ...] | None,
        Field(
            description="For entities: labels to omit; by default `O`, which marks no entity",
            max_length=MAX_LABELS,
            fail_fast=True,
        ),
    ] = None
    truncation: Annotated[
        bool | None,
        Field(
            description="Use only the start of a long text, or all of it in windows; by default "
            "as the model does"
        ),
    ] = None

    @property
    def by_word(self) -> bool:
        """Return whether entities are answered word by word."""
        return self.aggregation_strategy == "none"

    @property
    def omitted_labels(self) -> Sequence[str]:
        """Return the labels of entities to omit."""
        return (OUTSIDE,) if self.ignore_labels is None else self.ignore_labels

    def options(self) -> Options:
        return Options(
            self.top_k,
            long_text=_long_text(self.truncation),
            activation=self.function_to_apply,
            grouping="words" if self.by_word else "entities",
            aggregation=None if self.aggregation_strategy == "none" else self.aggregation_strategy,
            # The numbers of words include those outside entities.
            outside=self.by_word or OUTSIDE not in self.omitted_labels,
        )


class Truncation(BaseModel):
    """Treatment of long texts."""

    truncate: Annotated[
        bool | None,
        Field(
            description="true: use only the start of a long text. false: use all of it, in "
            "windows, and refuse a text that needs too many, and a pair that needs two. By default "
            "as the model does"
        ),
    ] = None
    truncation_direction: Annotated[
        Literal["Right", "Left"],
        BeforeValidator(lambda given: given.title() if given in ("right", "left") else given),
        Field(description="End at which a text is cut; 'Left' is refused with `truncate`"),
    ] = "Right"

    @property
    def long_text(self) -> LongText | None:
        """Return the engine's option; raises InputError if texts are to be cut at their start."""
        if self.truncate and self.truncation_direction == "Left":
            raise InputError("truncation_direction: texts are cut at their end here; send 'Right'")
        return _long_text(self.truncate)


class EmbeddingMembers(Truncation):
    """Members of a request for embeddings, of both protocols. Other models ignore them."""

    normalize: Annotated[
        bool | None,
        Field(description="Scale vectors to the length 1; by default as the model does"),
    ] = None
    prompt_name: Annotated[
        str | None, Field(description="The model's prompt to put before texts, if not its default")
    ] = None
    dimensions: Annotated[
        int | None, Field(description="Leading dimensions of each vector to keep")
    ] = None

    def embedding_options(self, *, by_token: bool = False) -> EmbeddingOptions:
        return EmbeddingOptions(self.normalize, self.dimensions, self.prompt_name, by_token)


class SimilarityInputs(BaseModel):
    """A text to compare others with."""

    source_sentence: NonEmptyText
    sentences: NonEmptyTexts

    def texts(self) -> list[str]:
        return [self.source_sentence, *self.sentences]


class HuggingFaceRequest(EmbeddingMembers):
    """A text or pair of texts, or several to be answered together, or one to compare others with.

    Other members are ignored: `options` ask for a cache, which there is none of, or to wait for a
    model, which 503 and `Retry-After` are for.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": REVIEW, "parameters": {"top_k": 1}}]}
    )

    inputs: Annotated[
        NonEmptyText
        | PairSchema
        | NonEmptyTexts
        | Annotated[list[PairSchema], Field(min_length=1, fail_fast=True)]
        | SimilarityInputs,
        _said_once(TEXTS_WANTED),
    ]
    parameters: HuggingFaceParameters | None = None

    def texts(self) -> list[Text]:
        if isinstance(self.inputs, SimilarityInputs):
            return list(self.inputs.texts())
        return texts_of(self.inputs)

    def options(self) -> Options:
        asked = self.asked.options()
        long_text = asked.long_text or self.long_text
        return replace(asked, long_text=long_text, embedding=self.embedding_options())

    @property
    def asked(self) -> HuggingFaceParameters:
        """Return the parameters, with defaults if none are sent."""
        return self.parameters or HuggingFaceParameters()


class TokenSchema(BaseModel):
    """An entity, or a word with its tag and its `index`, as `aggregation_strategy` asks."""

    entity_group: str | None = None
    entity: str | None = None
    index: int | None = None
    score: float
    word: str
    start: int
    end: int


class TextEmbeddingsOptions(Truncation):
    """Members that requests of text-embeddings-inference share."""

    raw_scores: Annotated[bool, Field(description="Logits instead of probabilities")] = False

    def options(self) -> Options:
        """Return the engine's options; raises InputError if texts are to be cut at their start."""
        return Options(long_text=self.long_text, activation="none" if self.raw_scores else None)


class TextEmbeddingsRequest(TextEmbeddingsOptions):
    """One text, bare or in a list, one pair in a list, or a batch of such lists.

    Other members are ignored.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": REVIEW}]})

    inputs: Annotated[
        NonEmptyText
        | TextOrPair
        | Annotated[list[TextOrPair], Field(min_length=1, fail_fast=True)],
        _said_once(
            'send a text, or a batch of texts as [["one"], ["another"]]; pairs of texts, such as '
            '["one", "another"], are for models that read them'
        ),
    ]

    def texts(self) -> list[Text]:
        if isinstance(self.inputs, str):
            return [self.inputs]
        batch = self.inputs if self.is_batch else [self.inputs]
        return [TextPair(*each) if len(each) > 1 else str(each[0]) for each in batch]

    @property
    def is_batch(self) -> bool:
        """Return whether the answer is a list per text; the answer for one text is flat."""
        return not isinstance(self.inputs[0], str)


def _long_text(truncated: bool | None) -> LongText | None:
    if truncated is None:
        return None
    return "truncate" if truncated else "window"
