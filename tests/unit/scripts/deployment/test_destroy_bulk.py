"""Files of bulk scoring go with a stage that keeps nothing, and stay with one that keeps data."""

import json
from dataclasses import replace

import boto3
import pytest

from infra.configuration.bulk import BulkConfiguration
from infra.stages import DEV, PROJECT
from scripts.deployment import removal

FILES = "files-of-bulk-scoring"


@pytest.fixture
def files(cloud):
    """The stack of bulk scoring, as far as its removal looks at it, with a file in its bucket."""
    client = boto3.client("s3")
    client.create_bucket(
        Bucket=FILES, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client.put_object(Bucket=FILES, Key="in/reviews.csv", Body=b"text\ngood\n")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"BulkBucket": {"Value": FILES}},
    }
    boto3.client("cloudformation").create_stack(
        StackName=PROJECT.stack("dev", "bulk"), TemplateBody=json.dumps(template)
    )
    return client


@pytest.mark.parametrize("keep", [False, True])
def test_the_bucket_is_emptied_where_nothing_is_kept_and_only_there(files, monkeypatch, keep):
    stage = replace(DEV, bulk=BulkConfiguration(), retain_data=keep)
    monkeypatch.setattr(removal, "load_stage", lambda _: (PROJECT, stage))
    removal.remove_stage("dev")
    assert ("Contents" in files.list_objects_v2(Bucket=FILES)) == keep


def test_a_stage_whose_bulk_scoring_was_never_deployed_goes_all_the_same(cloud, monkeypatch):
    stage = replace(DEV, bulk=BulkConfiguration())
    monkeypatch.setattr(removal, "load_stage", lambda _: (PROJECT, stage))
    removal.remove_stage("dev")
    (call,) = cloud.cdk_calls()
    assert PROJECT.stack("dev", "bulk") in call["names"]
