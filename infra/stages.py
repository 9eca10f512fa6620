"""The stages of this deployment: what a fork edits first. `python -m scripts.doctor` checks it."""

from infra.configuration.api import ApiConfiguration
from infra.configuration.function import FunctionConfiguration
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration

PROJECT = ProjectConfiguration(
    name="evergreen",
    # Zero is nobody's number: until yours are here, no workflow has any access to the account.
    repository=GitHubRepository(
        owner="your-organisation", name="evergreen", owner_id=0, repository_id=0
    ),
)

# Idle, a stage costs cents: alarms ($0.10 each a month) and the tick's calls.
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

# In an account of its own it is out of reach of what goes wrong in dev: fill in `account` of both.
# `prod-refresh` is the environment through which the clock deploys newer models without approval.
PROD = StageConfiguration(
    name="prod",
    region="eu-central-1",
    environments=("prod", "prod-refresh"),
    moves_production=True,
    log_retention_days=90,
    function=FunctionConfiguration(rollout="Canary10Percent5Minutes"),
    watch=WatchConfiguration(budget_dollars=50),
)

STAGES = (DEV, PROD)
