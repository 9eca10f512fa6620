"""The configuration of a training run, one TOML file, which is saved with the result."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from function.core.heads import Task
from scripts.common.errors import UsageError
from scripts.common.settings_file import change_setting, check_settings, read_toml
from scripts.tracking.tracker import TrackerChoice

Precision = Literal["int8", "fp32"]
Head = Literal["softmax", "sigmoid", "crf", "argmax"]  # `decoding.kind` of the manifest
HEADS: dict[Head, Task] = {  # the usual head of a task first
    "softmax": "text-classification",
    "sigmoid": "text-classification",
    "crf": "token-classification",
    "argmax": "token-classification",
}
RANDOM_HEADS = ("lstm", "bilstm_crf")  # architectures whose head no base has


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _usual_head(given: dict[str, Any]) -> Head:
    return next((head for head, task in HEADS.items() if task == given.get("task")), "softmax")


class DatasetConfig(_Section):
    """One source of labelled texts; `text`, `label` and `group` name its columns.

    `path` is a file or folder under `--data`, or, where nothing lies there, a name for `datasets`.
    Of the head sigmoid, `label` is `labels` by default, and not needed where each label has a
    column of 0 and 1.
    With `split_by` `group`, rows of one group (a movie, a user) stay on one side; `sentence` is for
    treebank phrases: a sentence is held out together with every phrase that it contains.
    """

    name: str
    path: str
    text: str = "text"
    label: str = "label"
    group: str | None = None
    split_by: Literal["row", "group", "sentence"] = "row"
    validation: Annotated[float, Field(gt=0, lt=0.5)] = 0.1  # share held out of training
    test: Annotated[float, Field(ge=0, lt=0.5)] = 0.0  # share held out of every choice, too
    repeat: Annotated[int, Field(ge=1)] = 1  # how often an epoch takes each row
    taught: bool = True  # a teacher is asked about it, which one that has learnt it need not be


class PhaseConfig(_Section):
    """One optimiser schedule: linear warm-up, then linear decay to zero.

    `epoch_max_tokens` has one entry per epoch, the tokens that a text may keep in it. Longer texts
    give a random window, another one in each epoch; the last epochs should see the length that is
    served.
    """

    epoch_max_tokens: list[Annotated[int, Field(ge=8)]] = Field(min_length=1)
    max_steps: Annotated[int | None, Field(ge=1)] = None  # ends earlier than the epochs would
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.06  # share of the steps
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    batch_texts: Annotated[int, Field(ge=1)] = 32
    batch_tokens: Annotated[int, Field(ge=64)] = 8192  # padding included
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    # On a CPU too, where AMX or AVX-512 make it faster; a GPU always computes in bfloat16.
    bfloat16: bool = False
    # The model is the moving average of its steps' weights, which keeps this share of itself.
    average: Annotated[float | None, Field(gt=0, lt=1)] = None
    # The model keeps this share of the weights that it began with (Wortsman et al. 2022). Only for
    # a base that was trained for the same task: the head of another is random.
    base_share: Annotated[float | None, Field(gt=0, lt=1)] = None


class UnlabelledConfig(_Section):
    """Texts whose labels, if there are any, are not read: the first `max_texts` of them."""

    path: str
    text: str = "text"
    max_texts: Annotated[int | None, Field(ge=1)] = None


class TaughtConfig(UnlabelledConfig):
    """Texts that a teacher answers; with `sentences`, each of their sentences by itself."""

    sentences: bool = False


class PretrainingConfig(PhaseConfig, UnlabelledConfig):
    """Continued masked-language training of a checkpoint, before the labels are shown."""

    masked: Annotated[float, Field(gt=0, lt=1)] = 0.15


class FinetuningConfig(PhaseConfig):
    """Training on labels."""

    # Steps between validations; None validates after each epoch.
    evaluate_every: Annotated[int | None, Field(ge=1)] = None
    patience: Annotated[int, Field(ge=1)] = 5  # validations without a better one, then it ends
    validation_texts: Annotated[int, Field(ge=1)] = 1000  # of each data set, at most


class ServingConfig(_Section):
    """The windows of the exported artifact, its precision, and exceptions from int8 rounding.

    How it treats texts beyond one window (windows, head and tail, or their start alone) is chosen
    on the validation parts. `by_token` and `exact` are parts of the names of matrices where int8
    costs agreement: their inputs are rounded on a scale of each token's own, or all stays in fp32,
    which is slower.
    """

    max_tokens: Annotated[int, Field(ge=8)] = 512
    stride: Annotated[int, Field(ge=0)] = 64
    max_windows: Annotated[int, Field(ge=1)] = 16
    precision: Precision = "int8"
    by_token: list[str] = []
    exact: list[str] = []


class CascadeConfig(_Section):
    """A first stage that answers the texts of which it is sure: see `scripts/train/cascade.py`.

    It is kept only where the validation texts prove that it costs no accuracy. With a teacher it
    also learns from unlabelled texts, of which the teacher's answer has a probability of `sure`.
    """

    enabled: bool = True
    sure: Annotated[float, Field(gt=0.5, le=1)] = 0.9


class DistillationConfig(_Section):
    """A teacher, whose answers the model learns beside the labels (Hinton et al. 2015).

    `teacher` is the folder of an artifact or of a checkpoint that classifies texts, or a list of
    several, whose probabilities are averaged. It has the model's labels, in any order. Of texts in
    `unlabelled` the model learns the teacher's answers alone; those that are held out are left out.
    """

    teacher: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2.0  # of both models' answers
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5  # of the teacher's loss; the labels' has 1 -
    unlabelled: list[TaughtConfig] = []
    # Of a checkpoint: the tokens that it reads of a text, its first quarter from the start and the
    # rest from the end; and bfloat16, which is several times faster on a GPU or with AMX.
    max_tokens: Annotated[int, Field(ge=8)] = 512
    bfloat16: bool = False


class CounterfactualConfig(_Section):
    """Texts that differ in a name, a country or a gender alone, for which one answer is learnt.

    That is the mean of the teacher's answers. `words` is a file like
    `scripts/train/data/counterfactuals.toml`, in its place.
    """

    words: str | None = None
    fills: Annotated[int, Field(ge=0)] = 12  # texts of each template
    reviews: Annotated[int, Field(ge=0)] = 0  # training and unlabelled texts that are changed
    swaps: Annotated[int, Field(ge=1)] = 3  # changed versions of each


class TrackingConfig(_Section):
    """The tracker that records the run, too; `auto` is MLflow where that is installed."""

    to: TrackerChoice = "auto"
    register_model: bool = False  # as the newest version in MLflow's registry, too


class TrainConfig(_Section):
    """A whole run."""

    model: str
    task: Task = "text-classification"
    head: Head = Field(default_factory=_usual_head, validate_default=True)
    architecture: str = "transformer"  # in scripts/train/architectures, or a dotted name
    network: dict[str, Any] = {}  # settings of the architecture
    base: str = ""  # the checkpoint that it starts from, if any
    labels: list[str] = Field(min_length=1)  # in the order of their positions
    encoding: str | None = None  # of data files that are not UTF-8 and have no byte order mark
    seed: int = 0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10
    datasets: list[DatasetConfig] = Field(min_length=1)
    pretraining: PretrainingConfig | None = None
    unlabelled: UnlabelledConfig | None = None  # that an architecture may learn words from
    finetuning: FinetuningConfig
    distillation: DistillationConfig | None = None
    counterfactuals: CounterfactualConfig | None = None  # of a text classifier, with a teacher
    serving: ServingConfig = ServingConfig()
    cascade: CascadeConfig = CascadeConfig()  # of the head softmax
    samples: list[str] = []  # texts that the page shows, at most 12
    synonyms: dict[str, list[str]] = {}  # other words for a label, in typed decisions
    questions: dict[str, str] = {}  # to the label that answers yes
    renamed_labels: dict[str, str] = {}  # a file's label to its name in `labels`
    evaluation: dict[str, str] = {}  # further files, by name, never chosen on
    licenses: dict[str, str] = {}  # of base and data, by name; they go into the artifact
    # No part of how the model comes out: a run may be continued with another.
    tracking: TrackingConfig = Field(default=TrackingConfig(), exclude=True)

    @field_validator("head")
    @classmethod
    def _of_its_task(cls, head: Head, given: ValidationInfo) -> Head:
        if HEADS[head] != given.data.get("task"):
            raise ValueError(f'is for task = "{HEADS[head]}"')
        return head

    @field_validator("counterfactuals")
    @classmethod
    def _has_teacher(
        cls, section: CounterfactualConfig | None, given: ValidationInfo
    ) -> CounterfactualConfig | None:
        if section and not given.data.get("distillation"):
            raise ValueError("needs a teacher, whose answers these texts get: add [distillation]")
        if section and given.data.get("task") != "text-classification":
            raise ValueError("is for models that classify texts")
        return section


def load_config(path: Path, changes: Sequence[str] = ()) -> TrainConfig:
    """Read and check a TOML file. Raises UsageError with the first wrong key.

    Changes are `section.key=value`, which replace its values: see `change_setting`.
    """
    content = read_toml(path)
    for change in changes:
        change_setting(content, change)
    config = check_settings(TrainConfig, content, f"{path}: ")
    if "cascade" in content and config.cascade.enabled and config.head != "softmax":
        raise UsageError(f"{path}: cascade: is for the head softmax, not '{config.head}'")
    if config.finetuning.base_share is not None and (
        config.pretraining or config.architecture in RANDOM_HEADS
    ):
        raise UsageError(
            f"{path}: finetuning.base_share: is a share of a base's trained head, which neither "
            f"[pretraining] leaves nor the architectures {' and '.join(RANDOM_HEADS)} take"
        )
    if config.distillation and config.head not in ("softmax", "crf"):
        raise UsageError(f"{path}: distillation: is for softmax and crf, not '{config.head}'")
    return config
