"""Stages that differ from those that ship: each option of the function at least once."""

from infra.configuration.api import ApiConfiguration, DomainConfiguration
from infra.configuration.function import FunctionConfiguration, ProvisionedConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration

CERTIFICATE = "arn:aws:acm:eu-west-2:123456789012:certificate/1a2b"

EVERYTHING = StageConfiguration(
    name="everything",
    region="eu-west-2",
    account="123456789012",
    models=("sentiment=20261101-1a2b3c4d",),
    environments=("everything",),
    moves_production=True,
    function=FunctionConfiguration(
        architecture="x86_64",
        memory_megabytes=3538,
        timeout_seconds=20,
        rollout="Linear10PercentEvery1Minute",
        tick_minutes=1,
        snap_start=True,
        reserved_concurrency=10,
        environment={"MAX_TEXTS": "16", "MAX_BODY_BYTES": "1000000"},
    ),
    api=ApiConfiguration(
        auth="jwt",
        jwt_issuer="https://issuer.example.com/",
        jwt_audience=("texts",),
        cors_origins=("https://www.example.com",),
        domain=DomainConfiguration(
            name="text.example.com",
            certificate_arn=CERTIFICATE,
            hosted_zone_id="Z123",
            hosted_zone_name="example.com",
        ),
    ),
    watch=WatchConfiguration(
        emails=("someone@example.com",), model_age_days=10, drift_deviations=2, budget_dollars=100
    ),
    tags={"cost-centre": "42"},
)

NOTHING = StageConfiguration(
    name="nothing",
    region="eu-central-1",
    environments=("nothing",),
    retain_data=False,
    function=FunctionConfiguration(rollout="AllAtOnce"),
    api=ApiConfiguration(auth="public"),
    watch=WatchConfiguration(p99_milliseconds=None, model_age_days=None, drift_deviations=None),
)

SIGNED = StageConfiguration(
    name="signed",
    region="eu-central-1",
    environments=("signed",),
    function=FunctionConfiguration(
        provisioned=ProvisionedConfiguration(
            executions=3,
            start="cron(0 8 ? * MON-FRI *)",
            end="cron(0 18 ? * MON-FRI *)",
            time_zone="Europe/Berlin",
        )
    ),
    api=ApiConfiguration(
        auth="iam",
        domain=DomainConfiguration(name="text.example.com", certificate_arn=CERTIFICATE),
    ),
)

KEYED = StageConfiguration(
    name="keyed",
    region="eu-west-1",
    environments=("keyed",),
    function=FunctionConfiguration(provisioned=ProvisionedConfiguration(executions=2)),
    api=ApiConfiguration(key_digests=("ab" * 32, "cd" * 32)),
)

OPTIONS = (EVERYTHING, NOTHING, SIGNED, KEYED)
