"""Stages over several accounts and regions: names that an account has once, and one foundation."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.configuration.api import ApiConfiguration
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.checks import ConfigurationError
from infra.configuration.function import FunctionConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.configuration.stage import StageConfiguration
from infra.configuration.watch import WatchConfiguration
from infra.stages import PROJECT
from tests.infra.policies import written
from tests.infra.synthesis import Assembly, synthesise

REGIONS = ("eu-central-1", "us-east-1", "eu-west-1")
ACCOUNTS = ("111111111111", "222222222222")
# Types whose names are unique in an account, or in the world, and the property with the name.
GLOBAL = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::OIDCProvider": "Url",
    "AWS::Budgets::Budget": "BudgetName",
    "AWS::S3::Bucket": "BucketName",
}
FEW, FEWER = (
    settings(max_examples=number)
    for number in (5, 3)  # a synthesis takes a second
)


@st.composite
def stages(draw: st.DrawFn) -> list[StageConfiguration]:
    """Return stages of any options, in accounts and regions that may go together."""
    filled = {region: draw(st.booleans()) for region in REGIONS}
    made = []
    for name in ("dev", "test", "prod")[: draw(st.integers(2, 3))]:
        region = draw(st.sampled_from(REGIONS))
        made.append(
            StageConfiguration(
                name=name,
                region=region,
                account=draw(st.sampled_from(ACCOUNTS)) if filled[region] else "",
                environments=(name,),
                moves_production=draw(st.booleans()),
                retain_data=draw(st.booleans()),
                function=FunctionConfiguration(snap_start=draw(st.booleans())),
                api=ApiConfiguration(auth=draw(st.sampled_from(["key", "iam", "public"]))),
                watch=WatchConfiguration(
                    emails=("someone@example.com",),
                    budget_dollars=draw(st.sampled_from([None, 9])),
                ),
                service=draw(
                    st.sampled_from(
                        [None, ServiceConfiguration(), ServiceConfiguration(capacity="fargate")]
                    )
                ),
                bulk=draw(st.sampled_from([None, BulkConfiguration()])),
                predictions=draw(st.sampled_from([None, PredictionsConfiguration()])),
            )
        )
    return made


def environments(assembly: Assembly) -> dict[str, tuple[str, str]]:
    """Return account, empty where it is not known, and region of each stack."""
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    places = {
        name: artifact["environment"].removeprefix("aws://").split("/")
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    return {
        name: ("" if account == "unknown-account" else account, region)
        for name, (account, region) in places.items()
    }


def global_names(assembly: Assembly, account: str) -> Iterator[tuple[str, str]]:
    """Yield type and name of what may be in an account, and has a name that we chose."""
    places = environments(assembly)
    for stack, _, resource in assembly.all():
        if resource["Type"] in GLOBAL and places[stack][0] in ("", account):
            properties = resource["Properties"]
            properties |= properties.get("Budget", {})
            if name := properties.get(GLOBAL[resource["Type"]]):
                yield resource["Type"], written(name)


@FEW
@given(stages())
def test_no_account_is_asked_for_one_name_twice(given):
    assembly = synthesise(PROJECT, given)
    for account in {stage.account for stage in given}:
        names = Counter(global_names(assembly, account))
        assert any(name.startswith("evergreen-push") for _, name in names)
        assert not [name for name, times in names.items() if times > 1]
    shutil.rmtree(assembly.folder)


def foundation(assembly: Assembly) -> dict[tuple[str, str], Any]:
    """Return the resources of each foundation by account and region."""
    places = environments(assembly)
    return {
        places[stack]: template["Resources"]
        for stack, template in assembly.templates.items()
        if "foundation" in stack
    }


@FEWER
@given(stages())
def test_a_stage_asked_for_alone_leaves_the_foundation_as_all_stages_make_it(given):
    together = synthesise(PROJECT, given)
    expected = foundation(together)
    for stage in given:
        alone = synthesise(PROJECT, given, stage=stage.name)
        (place,) = found = foundation(alone)
        assert found[place] == expected[place], stage.name
        shutil.rmtree(alone.folder)
    shutil.rmtree(together.folder)


def test_the_first_region_keeps_its_names_and_the_second_gets_names_of_its_own():
    dev = StageConfiguration(name="dev", region="eu-central-1", environments=("dev",))
    assembly = synthesise(
        PROJECT, [dev, replace(dev, name="prod", region="us-east-1", environments=("prod",))]
    )
    named = {
        places: {resource["Properties"].get("RoleName") for resource in resources.values()}
        for (_, places), resources in foundation(assembly).items()
    }
    assert named["eu-central-1"] >= {"evergreen-push", "evergreen-refresh"}
    assert named["us-east-1"] >= {"evergreen-push-us-east-1", "evergreen-refresh-us-east-1"}


def test_an_account_filled_in_for_one_stage_of_a_region_alone_is_refused():
    dev = StageConfiguration(name="dev", region="eu-central-1", environments=("dev",))
    prod = replace(dev, name="prod", account=ACCOUNTS[0])
    with pytest.raises(ConfigurationError, match=r"^account: in eu-central-1 some stages have one"):
        synthesise(PROJECT, [dev, prod])
    assert environments(synthesise(PROJECT, [dev, replace(prod, region="us-east-1")]))
