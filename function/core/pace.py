"""Time that a model takes, measured, from which that of a request is estimated."""

DECAY = 0.9  # factor on the weight of earlier calls with each new call
MEASURED_TOKENS = 256  # the fixed cost of a call would outweigh that of fewer


class Pace:
    """Recent seconds per token of one model; 0 before its first call of a useful size."""

    def __init__(self) -> None:
        self._seconds = self._tokens = 0.0

    def record(self, tokens: int, seconds: float) -> None:
        """Record a call; one of few tokens says nothing about many."""
        if tokens >= MEASURED_TOKENS:
            self._seconds = DECAY * self._seconds + seconds
            self._tokens = DECAY * self._tokens + tokens

    @property
    def seconds_per_token(self) -> float:
        return self._seconds / self._tokens if self._tokens else 0.0
