"""Stages with a service, bulk scoring and a prediction log: each option of theirs at least once."""

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.service import ServiceConfiguration, SleepConfiguration
from infra.configuration.stage import StageConfiguration

WEEKDAYS = SleepConfiguration(
    start="cron(0 20 ? * MON-FRI *)", end="cron(0 6 ? * MON-FRI *)", time_zone="Europe/Berlin"
)
STRICT = SleepConfiguration(start="cron(0 20 * * ? *)", end="cron(0 6 * * ? *)", wakes=False)

# On GPUs all day, as configured by default.
HEAVY = StageConfiguration(
    name="heavy",
    region="eu-central-1",
    account="123456789012",
    environments=("heavy",),
    service=ServiceConfiguration(),
    bulk=BulkConfiguration(),
    predictions=PredictionsConfiguration(),
)

# On CPUs, none of them where nobody asks.
LIGHT = StageConfiguration(
    name="light",
    region="eu-central-1",
    account="123456789012",
    environments=("light",),
    retain_data=False,
    api=ApiConfiguration(
        auth="jwt", jwt_issuer="https://issuer.example.com/", jwt_audience=("texts",)
    ),
    service=ServiceConfiguration(
        capacity="fargate",
        spot=True,
        cpu=1024,
        memory_megabytes=3072,
        minimum_tasks=0,
        maximum_tasks=8,
        requests_per_second=7.5,
        queue_windows=32,
        sleep=WEEKDAYS,
        environment={"MAX_QUEUE": "256", "THREADS": "1"},
    ),
    bulk=BulkConfiguration(
        concurrency=2,
        batch_texts=8,
        batch_bytes=20_000,
        maximum_rows=1000,
        tolerated_failures_percent=0,
        timeout_hours=1,
        keep_days=1,
        memory_megabytes=3008,
    ),
    predictions=PredictionsConfiguration(retention_days=7, feedback_text=True),
)

# On GPUs by day, behind a NAT gateway.
NIGHTLY = StageConfiguration(
    name="nightly",
    region="eu-central-1",
    account="123456789012",
    environments=("nightly",),
    api=ApiConfiguration(auth="iam"),
    service=ServiceConfiguration(
        instance_types=("g4dn.xlarge",),
        spot=True,
        sleep=STRICT,
        egress="nat_gateway",
        zones=("b", "c"),
        address_range="10.99.0.0/23",
    ),
)

SCALED = (HEAVY, LIGHT, NIGHTLY)
