"""Configuration of a stage's alarms and budget."""

from dataclasses import dataclass

from infra.configuration.checks import Section


@dataclass(frozen=True, kw_only=True)
class WatchConfiguration(Section, prefix="watch"):
    """Alarms of a stage. A limit of None turns its alarm off.

    Attributes:
        emails: Recipients of the alarms; each has to confirm once.
        errors_percent: Failed invocations in five minutes. Also rolls a new version back.
        p99_milliseconds: 99th percentile of an invocation's duration.
        model_age_days: Age of the default model.
        drift_deviations: Deviation of the mean score from its usual course, in standard deviations
            that CloudWatch learns from two weeks. Also alarms on drift that scripts.drift found.
        refresh_hours: Hours since the refresh workflow on GitHub last checked for a newer model.
            Only for the stage that moves `production`.
        budget_dollars: Monthly budget of the whole account; let one of its stages have it.
    """

    emails: tuple[str, ...] = ()
    errors_percent: float = 5
    p99_milliseconds: int | None = 3000
    model_age_days: int | None = 45
    drift_deviations: float | None = 3
    refresh_hours: int | None = 24
    budget_dollars: int | None = None

    def __post_init__(self) -> None:
        self.require_match("emails", r"[^@\s]+@[^@\s]+\.[^@\s]+", "name@example.com")
        self.require_between("errors_percent", 0.1, 100, "percent")
        self.require_between("p99_milliseconds", 1, 900_000, "milliseconds")
        self.require_between("model_age_days", 1, 3650, "days")
        self.require_between("drift_deviations", 1, 10, "standard deviations")
        self.require_between("refresh_hours", 2, 8760, "hours")
        if self.budget_dollars is not None:
            self.require(self.budget_dollars > 0, "budget_dollars", "must be more than 0")
            unread = "notifies nobody: name somebody in watch.emails"
            self.require(bool(self.emails), "budget_dollars", unread)
