"""How the Lambda of a stage runs, and how new versions come to it."""

from dataclasses import dataclass, field
from typing import Literal

from infra.configuration.checks import keys, require, require_between, require_match

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
ROLLOUTS: tuple[str, ...] = Rollout.__args__  # type: ignore[attr-defined]


@keys("function")
@dataclass(frozen=True, kw_only=True)
class FunctionConfiguration:
    """The Lambda.

    architecture: `arm64` costs 20 % less; the image is built for the same. memory_megabytes: a
    whole vCPU comes at 1,769, two at 3,538. rollout: how traffic moves to a new version, by the
    name that CodeDeploy has for it. tick_minutes: between two warm-up calls, each of which also
    tells the model's age. snap_start: restores a snapshot instead of starting, which costs about $7
    a month for each published version. reserved_concurrency: kept for this function, and its upper
    bound. environment: further settings of the function, such as MAX_TEXTS.
    """

    architecture: Literal["arm64", "x86_64"] = "arm64"
    memory_megabytes: int = 1769
    timeout_seconds: int = 29
    rollout: Rollout = "Canary10Percent5Minutes"
    tick_minutes: int = 5
    snap_start: bool = False
    reserved_concurrency: int | None = None
    default_model: str = "sentiment"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(
            self.architecture in ("arm64", "x86_64"),
            "function.architecture",
            f"'{self.architecture}' is neither arm64 nor x86_64",
        )
        require_between(self.memory_megabytes, 128, 10_240, "function.memory_megabytes", "MB")
        require_between(self.timeout_seconds, 1, 900, "function.timeout_seconds", "seconds")
        require(
            self.rollout in ROLLOUTS,
            "function.rollout",
            f"'{self.rollout}' is none of {', '.join(ROLLOUTS)}",
        )
        require_between(self.tick_minutes, 1, 1440, "function.tick_minutes", "minutes")
        if self.reserved_concurrency is not None:
            require_between(
                self.reserved_concurrency, 1, 100_000, "function.reserved_concurrency", "executions"
            )
        require_match(r"[A-Za-z0-9._-]+", self.default_model, "function.default_model", "sentiment")
        for name in self.environment:
            require_match(
                r"(MAX_[A-Z]+|THREADS)", name, "function.environment", "MAX_TEXTS or THREADS"
            )

    @property
    def platform(self) -> str:
        """What the image must be built for, as `docker build --platform` takes it."""
        return {"arm64": "linux/arm64", "x86_64": "linux/amd64"}[self.architecture]
