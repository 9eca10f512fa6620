"""Configuration of a stage's alarms and budget."""

from dataclasses import dataclass

from infra.configuration.checks import Section, require, require_between, require_match


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
        for email in self.emails:
            require_match(r"[^@\s]+@[^@\s]+\.[^@\s]+", email, "watch.emails", "name@example.com")
        require_between(self.errors_percent, 0.1, 100, "watch.errors_percent", "percent")
        require_between(self.p99_milliseconds, 1, 900_000, "watch.p99_milliseconds", "milliseconds")
        require_between(self.model_age_days, 1, 3650, "watch.model_age_days", "days")
        require_between(
            self.drift_deviations, 1, 10, "watch.drift_deviations", "standard deviations"
        )
        require_between(self.refresh_hours, 2, 8760, "watch.refresh_hours", "hours")
        if self.budget_dollars is not None:
            require(self.budget_dollars > 0, "watch.budget_dollars", "must be more than 0")
            unread = "notifies nobody: name somebody in watch.emails"
            require(bool(self.emails), "watch.budget_dollars", unread)
