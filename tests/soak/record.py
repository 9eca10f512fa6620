"""What became of the requests."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Record:
    """Of one kind of request. refused: answered 429. errors: what went wrong, and how often.

    milliseconds: of the answers that were right. beside_long: of them, those that were asked for
    while long ones were under way. difference: the most that a probability differed from what the
    same text got alone.
    """

    asked: int = 0
    refused: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    beside_long: list[float] = field(default_factory=list)
    difference: float = 0.0
