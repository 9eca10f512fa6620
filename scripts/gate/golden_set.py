"""Golden sets: the frozen texts on which a model's versions are compared, one kind per head."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt

from function.core.heads import AnswerKey, Task
from function.core.predictor import Predictor
from function.core.tokenization import Text, TextPair, strings_of
from scripts.common.errors import DataError
from scripts.data.labelled_texts import read_labelled
from scripts.data.multi_labelled import parse_names, read_multi_labelled
from scripts.data.rows import is_unicode
from scripts.data.scored_texts import parse_score, read_scored
from scripts.data.spans import Span, misplaced, parse_spans
from scripts.data.tagged_texts import read_tagged
from scripts.data.triplets import Others, parse_others, read_triplets

if TYPE_CHECKING:
    from scripts.gate.entity_answers import EntityAnswers
    from scripts.gate.label_answers import LabelAnswers
    from scripts.gate.measurement import GoldenAnswers
    from scripts.gate.multi_label_answers import MultiLabelAnswers
    from scripts.gate.score_answers import ScoreAnswers
    from scripts.gate.triplet_answers import TripletAnswers

Truth = TypeVar("Truth")


@dataclass(frozen=True)
class GoldenSet(ABC, Generic[Truth]):
    """Texts, or pairs of texts, and the truth of each, in an order that never changes.

    Raises DataError where a text is empty, occurs twice, or cannot be written as UTF-8, and where
    the truth cannot judge anything.
    """

    task: ClassVar[Task]  # of the models that it judges
    key: ClassVar[AnswerKey]  # name of the truth in a line, and of the models' `answer_key`
    form: ClassVar[str]  # of a line's truth, for those who write one
    columns: ClassVar[tuple[str, ...]] = ()  # of a truth that is several members of a line

    texts: Sequence[Text]
    truth: Sequence[Truth]

    def __post_init__(self) -> None:
        words = [words_of(text) for text in self.texts]
        first = {text: row for row, text in reversed(list(enumerate(words)))}
        _refuse("has no text", [row for row, text in enumerate(words) if not all(text)])
        mixed = [row for row, text in enumerate(words) if len(text) != len(words[0])]
        _refuse("is a pair and others are not, or the other way", mixed)
        if self.pairs and self.task != "text-classification":
            raise DataError(f"golden set: it has {self.form}, which no model gives to a pair")
        _refuse("repeats an earlier text", [r for r, text in enumerate(words) if first[text] != r])
        lines = enumerate(self._lines())
        _refuse(
            "has half a character, which is no Unicode",
            [row for row, line in lines if not is_unicode(line)],
        )
        self.check()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def pairs(self) -> bool:
        """Whether the texts are pairs."""
        return any(isinstance(text, TextPair) for text in self.texts)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, 64 hex digits: the set's identity."""
        return hashlib.sha256(self.content()).hexdigest()

    def content(self) -> bytes:
        """Return the canonical form: a JSON object a line, keys sorted, UTF-8, each line ended."""
        return "".join(self._lines()).encode()

    @property
    @abstractmethod
    def used_labels(self) -> set[str]:
        """The labels that occur in the truth."""

    @abstractmethod
    def check(self) -> None:
        """Raise DataError where the truth cannot judge anything."""

    @abstractmethod
    def answers(self, predictor: Predictor, title: str) -> "GoldenAnswers":
        """Have a model of this task answer every text; `title` is that of the progress.

        Raises InputError or PredictionError where it cannot.
        """

    @staticmethod
    @abstractmethod
    def parse(value: Any) -> Truth:
        """Return the truth of a line. Raises ValueError where it has another form."""

    @staticmethod
    @abstractmethod
    def written(truth: Truth) -> Any:
        """Return the JSON value that `parse` reads."""

    @staticmethod
    @abstractmethod
    def stratum(truth: Truth) -> str:
        """Return the group of rows that a sample takes this one's share of."""

    @staticmethod
    @abstractmethod
    def read(
        path: Path, labels: Sequence[str], encoding: str | None
    ) -> tuple[Sequence[Text], Sequence[Truth]]:
        """Return texts and truth from a file of the task's data. Raises DataError."""

    def _lines(self) -> Iterator[str]:
        for text, truth in zip(self.texts, self.truth, strict=True):
            value = self.written(truth)
            row = {**columns_of(text), **(value if self.columns else {self.key: value})}
            yield json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


@dataclass(frozen=True)
class LabelledGoldenSet(GoldenSet[str]):
    """Texts and the name of each one's true label, of two labels or more; see `GoldenSet`."""

    task: ClassVar[Task] = "text-classification"
    key: ClassVar[AnswerKey] = "label"
    form: ClassVar[str] = 'a "label", a string'

    @property
    def used_labels(self) -> set[str]:
        return set(self.truth)

    def check(self) -> None:
        if len(self.used_labels) < 2:
            raise DataError("golden set: it needs rows of two labels or more")

    def codes(self, labels: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return (rows,) positions in `labels`. Raises DataError for a label that is not there."""
        positions = {label: code for code, label in enumerate(labels)}
        try:
            return np.array([positions[label] for label in self.truth], dtype=np.int64)
        except KeyError as error:
            raise DataError(
                f"golden set: the label '{error.args[0]}' is none of {', '.join(labels)}"
            ) from None

    def answers(self, predictor: Predictor, title: str) -> "LabelAnswers":
        """See `GoldenSet`. Raises DataError for a label that is none of the model's."""
        # Here, because figures take scikit-learn, and a golden set is frozen without it.
        from scripts.gate.label_answers import answer_labels

        return answer_labels(predictor, self.texts, self.codes(predictor.labels), title)

    @staticmethod
    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no string")
        return value

    @staticmethod
    def written(truth: str) -> str:
        return truth

    @staticmethod
    def stratum(truth: str) -> str:
        return truth

    @staticmethod
    def read(
        path: Path, labels: Sequence[str], encoding: str | None
    ) -> tuple[Sequence[Text], Sequence[str]]:
        """Read CSV, Parquet, JSON lines or class folders; a label may be a name or its position."""
        rows = read_labelled(path, labels, encoding=encoding)
        return rows.texts, [labels[code] for code in rows.labels]


@dataclass(frozen=True)
class MultiLabelledGoldenSet(GoldenSet[Sequence[str]]):
    """Texts and the names of each one's labels, which may be none; see `GoldenSet`."""

    task: ClassVar[Task] = "text-classification"
    key: ClassVar[AnswerKey] = "labels"
    form: ClassVar[str] = '"labels", a list of strings'

    @property
    def used_labels(self) -> set[str]:
        return {name for names in self.truth for name in names}

    def check(self) -> None:
        if not self.used_labels:
            raise DataError("golden set: it needs texts with labels")

    def answers(self, predictor: Predictor, title: str) -> "MultiLabelAnswers":
        # Here, because figures take scikit-learn, and a golden set is frozen without it.
        from scripts.gate.multi_label_answers import answer_multi_label

        return answer_multi_label(predictor, self.texts, self.truth, title)

    @staticmethod
    def parse(value: Any) -> list[str]:
        return parse_names(value)

    @staticmethod
    def written(truth: Sequence[str]) -> list[str]:
        return list(truth)

    @staticmethod
    def stratum(truth: Sequence[str]) -> str:
        return " and ".join(sorted(truth)) or "no labels"

    @staticmethod
    def read(
        path: Path, labels: Sequence[str], encoding: str | None
    ) -> tuple[Sequence[Text], Sequence[Sequence[str]]]:
        """Read CSV, JSON lines or Parquet; see `read_multi_labelled`."""
        rows = read_multi_labelled(path, labels, encoding=encoding)
        return rows.texts, rows.labels


@dataclass(frozen=True)
class ScoredGoldenSet(GoldenSet[float]):
    """Texts and the number of each, by which they are ranked; see `GoldenSet`."""

    task: ClassVar[Task] = "text-classification"
    key: ClassVar[AnswerKey] = "score"
    form: ClassVar[str] = 'a "score", a number'

    @property
    def used_labels(self) -> set[str]:
        return set()

    def check(self) -> None:
        if len(set(self.truth)) < 2:
            raise DataError("golden set: it needs rows of two scores or more")

    def answers(self, predictor: Predictor, title: str) -> "ScoreAnswers":
        from scripts.gate.score_answers import answer_scores  # see MultiLabelledGoldenSet

        return answer_scores(predictor, self.texts, self.truth, title)

    @staticmethod
    def parse(value: Any) -> float:
        return parse_score(value)

    @staticmethod
    def written(truth: float) -> float:
        return truth

    @staticmethod
    def stratum(truth: float) -> str:  # noqa: ARG004
        return "scores"

    @staticmethod
    def read(
        path: Path,
        labels: Sequence[str],  # noqa: ARG004
        encoding: str | None,
    ) -> tuple[Sequence[Text], Sequence[float]]:
        """Read CSV, JSON lines or Parquet; see `read_scored`."""
        rows = read_scored(path, encoding=encoding)
        return rows.texts, rows.scores


@dataclass(frozen=True)
class TripletGoldenSet(GoldenSet[Others]):
    """Texts, each with one that is closer to it than another one; see `GoldenSet`."""

    task: ClassVar[Task] = "feature-extraction"
    key: ClassVar[AnswerKey] = "embedding"
    columns: ClassVar[tuple[str, ...]] = Others._fields
    form: ClassVar[str] = 'a "positive" and a "negative", two other texts'

    @property
    def used_labels(self) -> set[str]:
        return set()

    def check(self) -> None:
        """Accept all: each row judges by itself."""

    def answers(self, predictor: Predictor, title: str) -> "TripletAnswers":
        from scripts.gate.triplet_answers import answer_triplets  # see MultiLabelledGoldenSet

        texts = cast("Sequence[str]", self.texts)  # pairs are refused above
        return answer_triplets(predictor, texts, self.truth, title)

    @staticmethod
    def parse(value: Any) -> Others:
        return parse_others(**value)

    @staticmethod
    def written(truth: Others) -> dict[str, str]:
        return truth._asdict()

    @staticmethod
    def stratum(truth: Others) -> str:  # noqa: ARG004
        return "triplets"

    @staticmethod
    def read(
        path: Path,
        labels: Sequence[str],  # noqa: ARG004
        encoding: str | None,
    ) -> tuple[Sequence[str], Sequence[Others]]:
        """Read CSV, JSON lines or Parquet; see `read_triplets`."""
        rows = read_triplets(path, encoding=encoding)
        return rows.texts, rows.others


@dataclass(frozen=True)
class TaggedGoldenSet(GoldenSet[Sequence[Span]]):
    """Texts and the entities of each, in reading order; see `GoldenSet`.

    Raises DataError too where an entity lies outside its text or overlaps another, and where no
    text has any.
    """

    task: ClassVar[Task] = "token-classification"
    key: ClassVar[AnswerKey] = "entities"
    form: ClassVar[str] = '"entities", a list of {"label", "start", "end"}'

    @property
    def used_labels(self) -> set[str]:
        return {span.label for spans in self.truth for span in spans}

    @property
    def strings(self) -> list[str]:
        """The texts. Raises DataError where they are pairs."""
        if self.pairs:
            raise DataError("golden set: entities are of single texts, and it has pairs")
        return [text for text in self.texts if isinstance(text, str)]

    def check(self) -> None:
        for row, (text, spans) in enumerate(zip(self.strings, self.truth, strict=True), start=1):
            if wrong := misplaced(text, spans):
                raise DataError(f"golden set: row {row}: {wrong}")
        if not self.used_labels:
            raise DataError("golden set: it needs texts with entities")

    def answers(self, predictor: Predictor, title: str) -> "EntityAnswers":
        # Here, because figures take seqeval, and a golden set is frozen without it.
        from scripts.gate.entity_answers import answer_entities

        return answer_entities(predictor, self.strings, self.truth, title)

    @staticmethod
    def parse(value: Any) -> list[Span]:
        return parse_spans(value)

    @staticmethod
    def written(truth: Sequence[Span]) -> list[dict[str, Any]]:
        return [asdict(span) for span in truth]

    @staticmethod
    def stratum(truth: Sequence[Span]) -> str:
        return " and ".join(sorted({span.label for span in truth})) or "no entities"

    @staticmethod
    def read(
        path: Path, labels: Sequence[str], encoding: str | None
    ) -> tuple[Sequence[Text], Sequence[Sequence[Span]]]:
        """Read CoNLL columns, JSON lines or Parquet; see `read_tagged`."""
        rows = read_tagged(path, labels, encoding=encoding)
        return rows.texts, rows.spans


def words_of(text: Text) -> tuple[str, ...]:
    """Return the words of a text, or of both of a pair, with single spaces."""
    return tuple(" ".join(part.split()) for part in strings_of(text))


def columns_of(text: Text) -> dict[str, str]:
    """Return a text, or a pair of texts, by the names of its columns."""
    return {"text": text} if isinstance(text, str) else asdict(text)


def _refuse(problem: str, rows: Sequence[int]) -> None:
    if rows:
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        raise DataError(f"golden set: row {rows[0] + 1} {problem}{others}")
