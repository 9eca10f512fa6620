"""Configuration of a stage's Lambda function and of its rollout."""

from dataclasses import dataclass, field
from typing import Literal

from infra.configuration.checks import Section

UNRESERVED = 100  # executions that Lambda leaves to functions without a reservation
SECONDS_PER_CALL = 2  # for which concurrency is reserved: a cold start, or a long text

Architecture = Literal["arm64", "x86_64"]
Rollout = Literal[
    "AllAtOnce",
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
]


@dataclass(frozen=True, kw_only=True)
class ProvisionedConfiguration(Section, prefix="function.provisioned"):
    """Executions that are started before anybody calls: no cold start, for $15 a month each.

    With `start` and `end`, cron expressions of Application Auto Scaling, in these hours alone.
    """

    executions: int
    start: str = ""
    end: str = ""
    time_zone: str = "Etc/UTC"

    def __post_init__(self) -> None:
        self.require_between("executions", 1, 10_000, "executions")
        if self.start or self.end:
            self.require_hours(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class FunctionConfiguration(Section, prefix="function"):
    """Lambda function of a stage.

    Attributes:
        architecture: Of the function and of its image; `arm64` costs 20 % less.
        memory_megabytes: 1,769 come with one whole vCPU, 3,538 with two.
        timeout_seconds: Longest invocation; the gateway gives up after 30 seconds.
        rollout: CodeDeploy's name for the way in which traffic moves to a new version.
        tick_minutes: Minutes between two warm-up calls, each of which also logs the model's age.
        snap_start: Restore a snapshot instead of starting; about $7 a month per published version.
        provisioned: Executions kept ready, always or in some hours. Not with `snap_start`.
        reserved_concurrency: Executions reserved for this function, which are also its maximum, and
            so bound what callers can cost. `rate`: enough for calls of two seconds at `api.rate`,
            unless the account has no room. None: as many as the account has.
        default_model: Model that answers requests which name none.
        environment: Further settings of the function, such as MAX_TEXTS.
    """

    architecture: Architecture = "arm64"
    memory_megabytes: int = 1769
    timeout_seconds: int = 29
    rollout: Rollout = "Canary10Percent5Minutes"
    tick_minutes: int = 5
    snap_start: bool = False
    provisioned: ProvisionedConfiguration | None = None
    reserved_concurrency: int | Literal["rate"] | None = "rate"
    default_model: str = "sentiment"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.require_between("memory_megabytes", 128, 10_240, "MB")
        self.require_between("timeout_seconds", 1, 900, "seconds")
        self.require_between("tick_minutes", 1, 1440, "minutes")
        self.require(
            not (self.snap_start and self.provisioned),
            "provisioned",
            "does not go with snap_start: Lambda takes one of them",
        )
        if self.reserved_concurrency != "rate":
            self.require_between("reserved_concurrency", 1, 100_000, "executions")
        self.require_match("default_model", r"[A-Za-z0-9._-]+", "sentiment")
        settings = r"MAX_[A-Z_]+|MOST_LOADED|THREADS"
        self.require_match("environment", settings, "MAX_TEXTS or THREADS")

    @property
    def platform(self) -> str:
        """Return the value of `docker build --platform` for the image."""
        return {"arm64": "linux/arm64", "x86_64": "linux/amd64"}[self.architecture]
