"""Configuration of a stage, and rules that hold over all stages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.checks import Section, require
from infra.configuration.function import SECONDS_PER_CALL, UNRESERVED, FunctionConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.configuration.watch import WatchConfiguration

OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-iso")  # China, government
RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)


@dataclass(frozen=True, kw_only=True)
class StageConfiguration(Section):
    """Stage: one deployment. A part that is None does not exist and costs nothing.

    Attributes:
        name: Part of all the stage's names on AWS.
        account: Number of the AWS account. Empty takes the account of the credentials.
        models: Models in the image: NAME follows `production`, NAME=VERSION pins. Empty takes all.
        environments: GitHub environments whose jobs may deploy here; empty: none may.
        refresh_environment: GitHub environment of the scheduled refresh, which may change images
            here without an approval, and nothing else. Empty: it changes none.
        moves_production: Move the registry's `production` once a deployment answers.
        log_retention_days: Days after which CloudWatch deletes log lines.
        retain_data: Keep logs and results when a stack is deleted.
        tags: Further tags, for the bill.
    """

    name: str
    region: str
    account: str = ""
    models: tuple[str, ...] = ()
    environments: tuple[str, ...]
    refresh_environment: str = ""
    moves_production: bool = False
    log_retention_days: int = 30
    retain_data: bool = True
    function: FunctionConfiguration = field(default_factory=FunctionConfiguration)
    api: ApiConfiguration = field(default_factory=ApiConfiguration)
    watch: WatchConfiguration = field(default_factory=WatchConfiguration)
    service: ServiceConfiguration | None = None
    bulk: BulkConfiguration | None = None
    predictions: PredictionsConfiguration | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.require_match("name", r"[a-z][a-z0-9-]{0,11}", "dev, 12 letters at most")
        self.require(self.name != "foundation", "name", "'foundation' is what all stages share")
        self.require_match("region", r"[a-z]{2}(-[a-z]+)+-\d", "eu-central-1")
        self.require(
            not self.region.startswith(OTHER_PARTITIONS),
            "region",
            f"{self.region} is of another partition than aws, where names and sign-in differ",
        )
        self.require_match("account", r"(\d{12})?", "123456789012, as text, or empty")
        like = "sentiment or sentiment=20261101-1a2b3c4d"
        self.require_match("models", r"[^=,\s]+(=\d{8}-[0-9a-f]{8})?", like)
        self.require_match("environments", r"[^\s:*?]+", "prod")
        self.require_match("refresh_environment", r"[^\s:*?]*", "prod-refresh")
        self.require(
            self.refresh_environment not in self.environments,
            "refresh_environment",
            f"'{self.refresh_environment}' is one of environments, whose jobs may change all",
        )
        reserved, provisioned = self.reserved_concurrency(), self.function.provisioned
        self.require(
            not (reserved and provisioned) or provisioned.executions <= reserved,
            "function.provisioned.executions",
            f"is more than the {reserved} that are reserved",
        )
        self.require(
            self.log_retention_days in RETENTION_DAYS,
            "log_retention_days",
            f"{self.log_retention_days} is none of {', '.join(map(str, RETENTION_DAYS))}",
        )

    def reserved_concurrency(self, free: int | None = None) -> int | None:
        """Return the executions to reserve for the function; None for no reservation.

        `free` are those that other functions of the account have not reserved; None: not known.
        """
        configured = self.function.reserved_concurrency
        if configured != "rate":
            return configured
        wanted = math.ceil(SECONDS_PER_CALL * self.api.rate)
        return wanted if free is None or wanted <= free - UNRESERVED else None

    @property
    def job_environments(self) -> dict[str, tuple[str, ...]]:
        """Return the GitHub environments of each role for jobs: `deploy` and `refresh`."""
        refresh = (self.refresh_environment,) if self.refresh_environment else ()
        roles = {"deploy": self.environments, "refresh": refresh}
        return {purpose: names for purpose, names in roles.items() if names}

    @property
    def image_parts(self) -> list[str]:
        """Return the parts whose stacks run an image, in the order of their deployment."""
        parts = {"function": self.function, "service": self.service, "bulk": self.bulk}
        return [part for part, chosen in parts.items() if chosen]


def check_stages(stages: Sequence[StageConfiguration]) -> None:
    """Raise ConfigurationError where stages contradict each other.

    In one region an empty and a given `account` may be the same account, whose foundation stack
    each deployment would then take from the other stages.
    """
    names = [stage.name for stage in stages]
    require(len({*names}) == len(names), "stages", f"two have one name: {', '.join(names)}")
    for region in {stage.region for stage in stages}:
        accounts = {stage.account for stage in stages if stage.region == region}
        require(
            "" not in accounts or len(accounts) == 1,
            "account",
            f"in {region} some stages have one and some have none: fill it in for all or for none",
        )


def region_suffix(stages: Sequence[StageConfiguration], stage: StageConfiguration) -> str:
    """Return what distinguishes global names of the stage's account in this region.

    Names of IAM roles are unique in an account over all regions. Empty in the region of the
    account's first stage. A stage without an account may be in any, so that all stages count.
    """
    same = [each for each in stages if not each.account or each.account == stage.account]
    first = (same if stage.account else stages)[0].region if stages else stage.region
    return "" if stage.region == first else f"-{stage.region}"
