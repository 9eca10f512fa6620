"""Golden sets: the frozen texts on which a model's versions are compared."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic

from function.core.heads import AnswerKey, Task
from function.core.predictor import Predictor
from function.core.tokenization import Text, TextPair, strings_of
from scripts.common.errors import DataError
from scripts.data.rows import is_blank, is_unicode
from scripts.data.truth import TextRows, Truth, TruthForm

if TYPE_CHECKING:
    from scripts.evaluate.answers import Answers


@dataclass(frozen=True)
class GoldenSet(Generic[Truth]):
    """Texts, or pairs of texts, and the truth of each, in an order that never changes.

    Raises DataError where a text is empty, occurs twice, or cannot be written as UTF-8, and where
    the truth cannot judge anything.
    """

    form: TruthForm[Truth]
    texts: Sequence[Text]
    truth: Sequence[Truth]

    def __post_init__(self) -> None:
        words = [words_of(text) for text in self.texts]
        first = {text: row for row, text in reversed(list(enumerate(words)))}
        _refuse("has no text", [row for row, text in enumerate(words) if not all(text)])
        mixed = [row for row, text in enumerate(words) if len(text) != len(words[0])]
        _refuse("is a pair and others are not, or the other way", mixed)
        if self.pairs and self.task != "text-classification":
            raise DataError(
                f"golden set: it has {self.form.description}, which are for single texts"
            )
        _refuse("repeats an earlier text", [r for r, text in enumerate(words) if first[text] != r])
        lines = enumerate(self._lines())
        _refuse(
            "has half a character, which is no Unicode",
            [row for row, line in lines if not is_unicode(line)],
        )
        if problem := self.form.problem(self.rows):
            raise DataError(f"golden set: {problem}")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def task(self) -> Task:
        """Task of the models that it judges."""
        return self.form.task

    @property
    def key(self) -> AnswerKey:
        """`answer_key` of the models that it judges."""
        return self.form.key

    @property
    def rows(self) -> TextRows[Truth]:
        return TextRows(self.texts, self.truth)

    @property
    def pairs(self) -> bool:
        """Return whether the texts are pairs."""
        return any(isinstance(text, TextPair) for text in self.texts)

    @property
    def used_labels(self) -> set[str]:
        """The labels that occur in the truth."""
        return {label for truth in self.truth for label in self.form.labels_of(truth)}

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, 64 hex digits: the set's identity."""
        return hashlib.sha256(self.content()).hexdigest()

    def content(self) -> bytes:
        """Return the canonical form: a JSON object a line, keys sorted, UTF-8, each line ended."""
        return "".join(self._lines()).encode()

    def answers(self, predictor: Predictor, title: str) -> "Answers[Any]":
        """Have a model of this head answer every text; `title` is that of the progress.

        Raises InputError or PredictionError where it cannot, DataError for a label that is none of
        the model's.
        """
        # Here, because figures take scikit-learn, and a golden set is frozen without it.
        from scripts.evaluate.heads import HEADS, answer

        return answer(HEADS[self.key], predictor, self.rows, title)

    def _lines(self) -> Iterator[str]:
        for text, truth in zip(self.texts, self.truth, strict=True):
            value = self.form.written(truth)
            own = {"text": text} if isinstance(text, str) else asdict(text)
            row = {**own, **(value if self.form.columns else {self.key: value})}
            yield json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def words_of(text: Text) -> tuple[str, ...]:
    """Return the words of a text, or of both of a pair, with single spaces; "" of a blank one."""
    parts = strings_of(text)
    return tuple("" if is_blank(part) else " ".join(part.split()) for part in parts)


def _refuse(problem: str, rows: Sequence[int]) -> None:
    if rows:
        others = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
        raise DataError(f"golden set: row {rows[0] + 1} {problem}{others}")
