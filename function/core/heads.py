"""Heads of models: tasks, the form of their answers, and the settings of their decoding.

It imports nothing that imports numpy, which from so deep would add 4% to a cold start.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Task = Literal["text-classification", "token-classification", "feature-extraction"]
# The member of a prediction that holds the answer: what clients, files and golden sets depend on.
AnswerKey = Literal["label", "labels", "score", "entities", "embedding"]
USUAL_ANSWERS: dict[Task, AnswerKey] = {
    "text-classification": "label",
    "token-classification": "entities",
    "feature-extraction": "embedding",
}


def different(names: list[str]) -> list[str]:
    """Return names; raises ValueError if one is in them twice."""
    if len(set(names)) < len(names):
        raise ValueError("a name is in it twice")
    return names


# Beyond these bounds, probabilities are all equal, all 0 or 1, or in reverse.
Temperature = Annotated[float, Field(ge=1e-3, le=1e3)]
Names = Annotated[list[str], Field(min_length=1), AfterValidator(different)]
# As sentence-transformers calls what makes one vector of those of the tokens.
Pooling = Literal["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens", "weightedmean"]
Aggregation = Literal["simple", "first", "average", "max"]


class Section(BaseModel):
    """Part of a manifest; compiled with the whole of it, or when first used by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SoftmaxDecoding(Section):
    """Decoding of logits by a softmax; they are divided by `temperature` (Guo et al. 2017)."""

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "label"

    kind: Literal["softmax"] = "softmax"
    temperature: Temperature = 1.0


class SigmoidDecoding(Section):
    """Decoding of each label by itself, for texts with several labels or none.

    A text has the labels whose probability is above their threshold, one a label of the manifest.
    """

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "labels"

    kind: Literal["sigmoid"] = "sigmoid"
    thresholds: list[Annotated[float, Field(ge=0, le=1)]]
    temperature: Temperature = 1.0


class ScoreDecoding(Section):
    """Decoding of the one output to a number: as it is (regression), or its sigmoid."""

    task: ClassVar[Task] = "text-classification"
    answer_key: ClassVar[AnswerKey] = "score"

    kind: Literal["score"] = "score"
    activation: Literal["none", "sigmoid"]
    temperature: Temperature = 1.0


class CrfDecoding(Section):
    """Decoding of emissions by a linear-chain CRF (Lafferty et al. 2001), from role `decoder`.

    Tags are `O`, or `B-`, `I-`, `E-` or `S-` and a label. `temperature` divides emissions and
    transitions before they become probabilities.
    """

    task: ClassVar[Task] = "token-classification"
    answer_key: ClassVar[AnswerKey] = "entities"

    kind: Literal["crf"] = "crf"
    tags: Names
    temperature: Temperature = 1.0


class ArgmaxDecoding(Section):
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


class EmbeddingDecoding(Section):
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
