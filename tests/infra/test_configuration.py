"""A configuration that makes no sense is refused when it is written, by the name of the key."""

import copy
import pickle
import re
from dataclasses import replace
from typing import Any

import pytest

from infra.configuration.api import ApiConfiguration, DomainConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.checks import ConfigurationError
from infra.configuration.function import FunctionConfiguration, ProvisionedConfiguration
from infra.configuration.project import GitHubRepository, ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration
from infra.stages import PROJECT, STAGES

REPOSITORY = GitHubRepository(owner="acme", name="texts", owner_id=1, repository_id=2)


def anything(value: object) -> Any:
    """Return a value as Any: a type checker would refuse it, but a fork may have none."""
    return value


def stage(**changed):
    return StageConfiguration(
        **{"name": "x", "region": "eu-west-1", "environments": ("x",), **changed}
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: FunctionConfiguration(memory_megabytes=64),
            "function.memory_megabytes: 64 is not",
        ),
        (
            lambda: FunctionConfiguration(memory_megabytes=20_000),
            "function.memory_megabytes: 20,000",
        ),
        (lambda: FunctionConfiguration(timeout_seconds=0), "function.timeout_seconds: 0 is not"),
        (
            lambda: FunctionConfiguration(architecture=anything("sparc")),
            "function.architecture: 'sparc'",
        ),
        (
            lambda: FunctionConfiguration(rollout=anything("Fast")),
            "function.rollout: 'Fast' is none of AllAtOnce",
        ),
        (lambda: FunctionConfiguration(tick_minutes=0), "function.tick_minutes: 0 is not"),
        (lambda: FunctionConfiguration(reserved_concurrency=0), "function.reserved_concurrency: 0"),
        (lambda: FunctionConfiguration(default_model="a b"), "function.default_model: 'a b'"),
        (
            lambda: FunctionConfiguration(environment={"AUTH": "public"}),
            "function.environment: 'AUTH'",
        ),
        (
            lambda: ApiConfiguration(auth=anything("none")),
            "api.auth: 'none' is none of key, iam, jwt, public",
        ),
        (
            lambda: ApiConfiguration(auth="jwt"),
            "api.jwt_issuer: auth 'jwt' needs the issuer's address",
        ),
        (
            lambda: ApiConfiguration(auth="jwt", jwt_issuer="https://", jwt_audience=("texts",)),
            "api.jwt_issuer: auth 'jwt' needs the issuer's address",
        ),
        (
            lambda: ApiConfiguration(jwt_issuer="https://issuer.example.com"),
            "api.jwt_issuer: goes with auth 'jwt' and not with 'key'",
        ),
        (
            lambda: ApiConfiguration(auth="jwt", jwt_issuer="https://issuer.example.com"),
            "api.jwt_audience: auth 'jwt' needs at least one",
        ),
        (lambda: ApiConfiguration(key_digests=("secret",)), "api.key_digests: 'secret' is not of"),
        (lambda: ApiConfiguration(rate=0), "api.rate: 0 is not between"),
        (lambda: ApiConfiguration(burst=9999), "api.burst: 9,999 is not between"),
        (lambda: ApiConfiguration(cors_origins=("*",)), "api.cors_origins: '*' is not of the form"),
        (
            lambda: DomainConfiguration(name="https://x", certificate_arn="arn:aws:acm:r:1:x"),
            "api.domain.name: 'https://x'",
        ),
        (
            lambda: DomainConfiguration(name="a.example.com", certificate_arn="mine"),
            "api.domain.certificate_arn: 'mine'",
        ),
        (lambda: WatchConfiguration(emails=("me",)), "watch.emails: 'me'"),
        (lambda: WatchConfiguration(errors_percent=0), "watch.errors_percent: 0 is not"),
        (lambda: WatchConfiguration(model_age_days=0), "watch.model_age_days: 0 is not"),
        (
            lambda: WatchConfiguration(budget_dollars=-1),
            "watch.budget_dollars: must be more than 0",
        ),
        (
            lambda: WatchConfiguration(budget_dollars=50),
            "watch.budget_dollars: notifies nobody: name somebody in watch.emails",
        ),
        (lambda: stage(name="Prod!"), "name: 'Prod!' is not of the form"),
        (lambda: stage(name="foundation"), "name: 'foundation' is what all stages share"),
        (lambda: stage(region="Frankfurt"), "region: 'Frankfurt' is not of the form eu-central-1"),
        (lambda: stage(account="12"), "account: '12' is not of the form 123456789012"),
        (lambda: stage(models=("sentiment=1",)), "models: 'sentiment=1' is not of the form"),
        (lambda: stage(models=("a,b",)), "models: 'a,b' is not of the form"),
        (
            lambda: FunctionConfiguration(
                snap_start=True, provisioned=ProvisionedConfiguration(executions=1)
            ),
            "function.provisioned: does not go with snap_start",
        ),
        (
            lambda: ProvisionedConfiguration(executions=0),
            "function.provisioned.executions: 0 is not",
        ),
        (
            lambda: ProvisionedConfiguration(executions=1, start="cron(0 8 * * ? *)"),
            "function.provisioned.end: '' is not of the form cron(",
        ),
        (
            lambda: stage(
                function=FunctionConfiguration(
                    reserved_concurrency=5, provisioned=ProvisionedConfiguration(executions=6)
                )
            ),
            "function.provisioned.executions: is more than the 5 that are reserved",
        ),
        *(
            (
                lambda region=region: stage(region=region),
                f"region: {region} is of another partition",
            )
            for region in ("cn-north-1", "us-gov-west-1", "us-iso-east-1")
        ),
        (
            lambda: stage(refresh_environment="x"),
            "refresh_environment: 'x' is one of environments, whose jobs may change all",
        ),
        (lambda: stage(refresh_environment="*"), "refresh_environment: '*' is not of the form"),
        (lambda: stage(log_retention_days=8), "log_retention_days: 8 is none of 1, 3, 5, 7"),
        (
            lambda: ProjectConfiguration(name="A", repository=REPOSITORY),
            "name: 'A' is not of the form",
        ),
        (
            lambda: replace(PROJECT, github_oidc=anything("maybe")),
            "github_oidc: 'maybe' is none of create, existing",
        ),
        (lambda: replace(PROJECT, kept_images=1), "kept_images: 1 is not between 10 and 1,000"),
        (lambda: replace(REPOSITORY, owner="a/b"), "repository.owner: 'a/b'"),
        (lambda: replace(REPOSITORY, branch="*"), "repository.branch: '*'"),
    ],
)
def test_nonsense_is_one_line_that_starts_with_its_key(make, says):
    with pytest.raises(ConfigurationError, match="^" + re.escape(says)) as refused:
        make()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: FunctionConfiguration(memory=anything("1769")),  # type: ignore[call-arg]
            "function.memory: no such key; FunctionConfiguration has architecture, memory_mega",
        ),
        (
            lambda: FunctionConfiguration(memory_megabytes=anything("1769")),
            "function.memory_megabytes: '1769' is not a whole number",
        ),
        (
            lambda: FunctionConfiguration(snap_start=anything("no")),
            "function.snap_start: 'no' is not True or False",
        ),
        (
            lambda: FunctionConfiguration(tick_minutes=True),
            "function.tick_minutes: True is not a whole number",
        ),
        (
            lambda: FunctionConfiguration(anything("arm64")),  # type: ignore[call-arg]
            "function: ('arm64',) has no key",
        ),
        (lambda: stage(environments="prod"), "environments: 'prod' is not a tuple of texts"),
        (
            lambda: StageConfiguration(name="x", region="eu-west-1"),  # type: ignore[call-arg]
            "environments: is missing: StageConfiguration takes a tuple of texts",
        ),
        (lambda: stage(service=True), "service: True is not a ServiceConfiguration(...) or None"),
        (lambda: stage(function={}), "function: {} is not a FunctionConfiguration(...)"),
        (lambda: stage(tags={"cost-centre": 42}), "tags: {'cost-centre': 42} is not a dictionary"),
        (
            lambda: WatchConfiguration(errors_percent=anything("5")),
            "watch.errors_percent: '5' is not a number",
        ),
        (
            lambda: WatchConfiguration(budget_dollars=anything(9.5)),
            "watch.budget_dollars: 9.5 is not a whole number or None",
        ),
    ],
)
def test_a_key_or_a_value_of_the_wrong_kind_is_one_line_too(make, says):
    """With no type checker it would be a traceback, or 'prod' be taken for p, r, o, d."""
    with pytest.raises(ConfigurationError, match="^" + re.escape(says)) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_whole_numbers_are_numbers_and_none_is_none_where_it_may_be():
    watch = WatchConfiguration(errors_percent=5, drift_deviations=None, p99_milliseconds=None)
    assert (watch.errors_percent, watch.drift_deviations) == (5, None)


def test_a_configuration_cannot_be_changed_behind_our_back():
    with pytest.raises(AttributeError):
        STAGES[0].name = "other"  # type: ignore[misc]


def test_a_configuration_can_be_copied_and_pickled():
    for each in STAGES:
        assert copy.deepcopy(each) == pickle.loads(pickle.dumps(each)) == each


def test_the_platform_that_images_are_built_for_follows_the_architecture():
    assert FunctionConfiguration(architecture="arm64").platform == "linux/arm64"
    assert FunctionConfiguration(architecture="x86_64").platform == "linux/amd64"


def test_the_shipped_stages_keep_data_in_prod_and_cost_little_in_dev():
    dev, prod, full = STAGES
    assert (dev.name, prod.name, full.name) == ("dev", "prod", "full")
    assert prod.retain_data
    assert not dev.retain_data
    assert prod.moves_production
    assert not dev.moves_production
    assert dev.service is None
    assert dev.bulk is None
    assert [each.reserved_concurrency() for each in STAGES] == [20, 100, 100]
    assert not any(each.function.snap_start for each in STAGES)
    assert {each.api.auth for each in STAGES} == {"key"}


def test_the_stage_with_everything_is_deployed_by_people_alone():
    *_, full = STAGES
    assert full.service
    assert full.bulk
    assert full.predictions
    assert not full.job_environments, "no role on GitHub may deploy it"
    assert not full.moves_production
    assert not full.retain_data, "it is to be tried and removed"


@pytest.mark.parametrize(
    ("rate", "reserved", "free", "expected"),
    [
        (50, "rate", None, 100),
        (50, "rate", 1000, 100),
        (50, "rate", 200, 100),
        (50, "rate", 199, None),
        (50, "rate", 10, None),
        (1.2, "rate", 1000, 3),
        (50, 7, 10, 7),
        (50, None, 1000, None),
    ],
)
def test_concurrency_is_reserved_by_the_rate_where_the_account_has_room(
    rate, reserved, free, expected
):
    made = stage(
        api=ApiConfiguration(rate=rate),
        function=FunctionConfiguration(reserved_concurrency=reserved),
    )
    assert made.reserved_concurrency(free) == expected


@pytest.mark.parametrize(
    ("concurrency", "free", "expected"),
    [(5, None, 5), (5, 1000, 5), (500, 100, 500), (5, 10, 2), (1, 10, 1), (5, 3, 1)],
)
def test_bulk_scoring_leaves_a_new_accounts_executions_to_callers(concurrency, free, expected):
    assert BulkConfiguration(concurrency=concurrency).batches_at_a_time(free) == expected
