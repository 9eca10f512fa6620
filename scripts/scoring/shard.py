"""Texts as the file that the state machine's map reads: a JSON object a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.scoring.outcomes import Outcome, rejected
from scripts.scoring.rows import Row, json_line

ROW, TEXT = "row", "text"
AROUND = 500  # bytes that the map writes around a row: its place, the column, the path


@dataclass
class Shard:
    """Some rows: those in a file to be sent, and what came of those that are not.

    first: the number of the first. sent: how many are in the file.
    """

    first: int
    outcomes: list[Outcome | None] = field(default_factory=list)
    sent: int = 0

    def put(self, number: int, outcome: Outcome) -> None:
        """What came of a row, by its number in the whole input."""
        self.outcomes[number - self.first] = outcome

    def whole(self) -> Sequence[Outcome] | None:
        """Of all rows in order; None while one is missing."""
        found = [outcome for outcome in self.outcomes if outcome is not None]
        return found if len(found) == len(self.outcomes) else None


def write_shard(rows: Iterable[Row], path: Path, batch_bytes: int) -> Shard | None:
    """A file of the texts that a batch can carry; None where there are no rows.

    batch_bytes: of one batch of the map as JSON, and so of one row at most.
    """
    shard: Shard | None = None
    with path.open("wb") as file:
        for number, text in rows:
            if shard is None:
                shard = Shard(number)
            if not isinstance(text, str):
                shard.outcomes.append(rejected(text.reason))
                continue
            line = json_line({ROW: number, TEXT: text})
            if len(line) > batch_bytes - AROUND:
                shard.outcomes.append(
                    rejected(f"takes {len(line):,} bytes; a batch of the stage has {batch_bytes:,}")
                )
                continue
            file.write(line)
            shard.outcomes.append(None)
            shard.sent += 1
    return shard
