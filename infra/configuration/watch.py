"""What is looked at, and who is told."""

from dataclasses import dataclass

from infra.configuration.checks import keys, require, require_between, require_match


@keys("watch")
@dataclass(frozen=True, kw_only=True)
class WatchConfiguration:
    """Alarms of a stage, each off where its limit is None.

    emails: who is told; each has to confirm once. errors_percent: of invocations in five minutes,
    which also takes a new version back. p99_milliseconds: of an invocation. model_age_days: since
    the model in use was made. drift_deviations: how far from its usual course the mean score of
    predictions may go, in standard deviations that CloudWatch learns from two weeks; where it is
    set, an alarm also rings for what scripts.drift found.
    refresh_hours: since the clock on GitHub last looked for a newer model, of the stage that it
    refreshes. budget_dollars: of the whole account in a month; let one of its stages have it.
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
        if self.p99_milliseconds is not None:
            require_between(
                self.p99_milliseconds, 1, 900_000, "watch.p99_milliseconds", "milliseconds"
            )
        if self.model_age_days is not None:
            require_between(self.model_age_days, 1, 3650, "watch.model_age_days", "days")
        if self.drift_deviations is not None:
            require_between(
                self.drift_deviations, 1, 10, "watch.drift_deviations", "standard deviations"
            )
        if self.refresh_hours is not None:
            require_between(self.refresh_hours, 2, 8760, "watch.refresh_hours", "hours")
        if self.budget_dollars is not None:
            require(self.budget_dollars > 0, "watch.budget_dollars", "must be more than 0")
