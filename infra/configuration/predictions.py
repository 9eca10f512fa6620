"""The prediction log, of a stage that keeps it."""

from dataclasses import dataclass

from infra.configuration.checks import keys, require_between


@keys("predictions")
@dataclass(frozen=True, kw_only=True)
class PredictionsConfiguration:
    """What the function and the service answered, and what people said of it, kept on S3.

    A line of it has no text, only a keyed digest by which equal texts are known. retention_days:
    of lines, after which S3 forgets them. feedback_text: whether a line of feedback also keeps the
    text that whoever gave it sent along.
    """

    retention_days: int = 90
    feedback_text: bool = False

    def __post_init__(self) -> None:
        require_between(self.retention_days, 1, 3650, "predictions.retention_days", "days")
