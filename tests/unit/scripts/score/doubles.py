"""A scorer whose answers are known beforehand, and that can be killed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scripts.data.rows import RowError, batched
from scripts.score.rows import Advance, Row, RowResult, rejected, scored

VERSION = "20260102-aabbccdd"


class KilledError(BaseException):
    """Nothing that anybody would catch."""


@dataclass
class LengthScorer:
    """Scores a text by its length. killed_at: the number of a row before which it dies."""

    chunk_rows: int = 4
    answer_key: str | None = "label"
    killed_at: int | None = None
    version: str = VERSION
    entities: bool = False
    seen: list[int] = field(default_factory=list)

    @property
    def identity(self) -> dict[str, str]:
        return {"model": "length", "version": self.version}

    def score(
        self, rows: Iterator[Row], run: str, advance: Advance
    ) -> Iterator[Sequence[RowResult]]:
        for chunk in batched(rows, self.chunk_rows):
            yield [self._result(row) for row in chunk]
            advance(len(chunk))

    def _result(self, row: Row) -> RowResult:
        if row.number == self.killed_at:
            raise KilledError
        self.seen.append(row.number)
        if isinstance(row.text, RowError):
            return rejected(row.text.reason)
        if self.entities:
            named = {"label": "PER", "text": str(row.text)[:3], "start": 0, "end": 3, "score": 0.5}
            return scored({"entities": [named]}, self.version)
        return scored({"label": "short", "score": 1 / len(row.text)}, self.version)
