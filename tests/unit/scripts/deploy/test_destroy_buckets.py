"""What lies in a stage's buckets goes with a stage that keeps nothing, and stays with one that
keeps data."""

import json
from dataclasses import replace

import boto3
import pytest

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.deployment import Deployment
from infra.configuration.predictions import PredictionsConfiguration
from infra.stages import DEV, PROJECT
from scripts import destroy
from scripts.common.errors import CommandError
from scripts.deploy import stacks

BUCKETS = {"bulk": "BulkBucket", "predictions": "PredictionBucket"}
STAGE = replace(DEV, bulk=BulkConfiguration(), predictions=PredictionsConfiguration())


@pytest.fixture
def files(cloud):
    """The stacks with buckets, as far as their removal reads them, and a file in each."""
    client = boto3.client("s3")
    for part, output in BUCKETS.items():
        client.create_bucket(
            Bucket=f"files-of-{part}",
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        client.put_object(Bucket=f"files-of-{part}", Key="file", Body=b"text\ngood\n")
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {output: {"Value": f"files-of-{part}"}},
        }
        boto3.client("cloudformation").create_stack(
            StackName=PROJECT.stack("dev", part), TemplateBody=json.dumps(template)
        )
    return client


@pytest.mark.parametrize("keep", [False, True])
def test_buckets_are_emptied_where_nothing_is_kept_and_only_there(files, monkeypatch, keep):
    stage = replace(STAGE, retain_data=keep)
    monkeypatch.setattr(destroy, "load_stage", lambda _: Deployment(PROJECT, stage))
    destroy.delete_stage("dev")
    for part in BUCKETS:
        assert ("Contents" in files.list_objects_v2(Bucket=f"files-of-{part}")) == keep, part


def test_what_firehose_writes_while_the_stacks_go_is_deleted_too(files, monkeypatch):
    monkeypatch.setattr(destroy, "load_stage", lambda _: Deployment(PROJECT, STAGE))
    tried = []

    def fails_at_a_late_file(names, context):
        tried.append(names)
        if len(tried) == 1:
            files.delete_bucket(Bucket="files-of-bulk")
            files.put_object(Bucket="files-of-predictions", Key="late", Body=b"{}")
            raise CommandError("cdk destroy failed")
        assert "Contents" not in files.list_objects_v2(Bucket="files-of-predictions")

    monkeypatch.setattr(stacks, "destroy", fails_at_a_late_file)
    destroy.delete_stage("dev")
    assert tried == [stacks.names(Deployment(PROJECT, STAGE))] * 2


def test_what_fails_for_another_reason_is_not_tried_again(files, cloud, monkeypatch):
    monkeypatch.setattr(destroy, "load_stage", lambda _: Deployment(PROJECT, STAGE))
    cloud.cdk.failing = "destroy"
    with pytest.raises(CommandError, match="cdk destroy failed"):
        destroy.delete_stage("dev")
    assert len(cloud.cdk.calls) == 1


def test_the_bucket_of_a_part_that_the_stage_no_longer_has_is_left_alone_and_named(
    files, monkeypatch, capfd
):
    monkeypatch.setattr(
        destroy, "load_stage", lambda _: Deployment(PROJECT, replace(STAGE, bulk=None))
    )
    destroy.delete_stage("dev")
    assert "Contents" in files.list_objects_v2(Bucket="files-of-bulk")
    assert "Contents" not in files.list_objects_v2(Bucket="files-of-predictions")
    said = capfd.readouterr().err
    # Without a role CloudFormation takes that of the last change, which may be the refresh's.
    role = "arn:aws:iam::123456789012:role/cdk-hnb659fds-cfn-exec-role-123456789012-eu-central-1"
    command = "aws cloudformation delete-stack --stack-name evergreen-dev-bulk"
    assert f"{command} --role-arn {role}" in said
    assert "nothing was kept" not in said


def test_a_stage_whose_buckets_were_never_deployed_goes_all_the_same(cloud, monkeypatch):
    monkeypatch.setattr(destroy, "load_stage", lambda _: Deployment(PROJECT, STAGE))
    destroy.delete_stage("dev")
    (call,) = cloud.cdk.calls
    assert {PROJECT.stack("dev", part) for part in BUCKETS} < {*call.stacks}
