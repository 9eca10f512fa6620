"""Stages of this deployment, which a fork edits first. `make doctor` checks them."""

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.function import FunctionConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.sandbox import SandboxConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration

PROJECT = ProjectConfiguration(
    name="evergreen",
    # Zero is no repository's number: until yours are here, no workflow has access to the account.
    repository=GitHubRepository(
        owner="your-organisation", name="evergreen", owner_id=0, repository_id=0
    ),
)

# An idle stage costs cents: alarms ($0.10 each a month) and warm-up calls.
DEV = StageConfiguration(
    name="dev",
    region="eu-central-1",
    environments=("dev",),
    retain_data=False,
    log_retention_days=7,
    function=FunctionConfiguration(rollout="AllAtOnce"),
    api=ApiConfiguration(rate=10, burst=20),
    watch=WatchConfiguration(model_age_days=None, drift_deviations=None),
)

# Give prod an account of its own, out of reach of mistakes in dev: fill in `account` of both.
# People approve what the environment `prod` deploys. Through `prod-refresh` the scheduled refresh
# deploys newer models without approval, and may change nothing else.
PROD = StageConfiguration(
    name="prod",
    region="eu-central-1",
    environments=("prod",),
    refresh_environment="prod-refresh",
    moves_production=True,
    log_retention_days=90,
    function=FunctionConfiguration(rollout="Canary10Percent5Minutes"),
    watch=WatchConfiguration(),  # emails=("team@example.com",), budget_dollars=50
)

# Everything at once, to look at and to try: `make synth STAGE=full`, `make deploy STAGE=full`. No
# workflow deploys it. Idle it costs about $20 a month, for its load balancer and alarms; an hour of
# a task costs 8 cents. For GPUs leave `capacity` out, once the account has a quota of them.
FULL = StageConfiguration(
    name="full",
    region="eu-central-1",
    environments=(),
    retain_data=False,
    log_retention_days=7,
    service=ServiceConfiguration(capacity="fargate", minimum_tasks=0),
    bulk=BulkConfiguration(),
    predictions=PredictionsConfiguration(),
    watch=WatchConfiguration(model_age_days=None),
)

STAGES = (DEV, PROD, FULL)

# An account in which pull requests are deployed to be tried, and everything is checked each night:
# SandboxConfiguration(account="123456789012", region="eu-central-1"). docs/sandbox.md says how.
SANDBOX: SandboxConfiguration | None = None
