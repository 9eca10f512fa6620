"""Configuration of the prediction log."""

from dataclasses import dataclass

from infra.configuration.checks import Section


@dataclass(frozen=True, kw_only=True)
class PredictionsConfiguration(Section, prefix="predictions"):
    """Log of predictions and feedback on S3, whose lines S3 deletes after `retention_days`.

    A line holds no text, only a keyed digest, which is the same for equal texts. `feedback_text`
    keeps the text that a caller sends along with feedback.
    """

    retention_days: int = 90
    feedback_text: bool = False

    def __post_init__(self) -> None:
        self.require_between("retention_days", 1, 3650, "days")
