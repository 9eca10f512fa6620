"""The memory of a stage's models, of the first deployment and of later ones."""

import json
from dataclasses import replace

import boto3
import pytest

from function.core.artifact import open_artifact
from infra.configuration.deployment import Deployment
from infra.stages import DEV, PROJECT
from scripts.common.footprint import PROCESS, memory_of
from scripts.deploy.account import open_account
from scripts.deploy.builds import stage_registry
from scripts.deploy.foundation import bucket_name, stack_name
from scripts.doctor import models
from scripts.registry.registry import open_registry
from tests.tiny import write_artifact


def with_memory(megabytes):
    return replace(DEV, function=replace(DEV.function, memory_megabytes=megabytes))


def test_a_first_deployment_is_judged_by_the_models_that_it_brings(cloud):
    opened = open_account(DEV)
    (enough,) = models.memory(opened, Deployment(PROJECT, DEV))
    assert enough.state == "ok"
    assert "ner, sentiment, sentiment-lstm take about" in enough.summary
    (little,) = models.memory(opened, Deployment(PROJECT, with_memory(192)))
    assert little.state == "bad"
    assert "of 192 MB" in little.summary
    assert "memory_megabytes" in little.fix


def test_a_later_deployment_is_judged_by_the_accounts_own_models(cloud, tmp_path):
    opened = open_account(DEV)
    boto3.client("s3").create_bucket(
        Bucket=bucket_name(opened, PROJECT),
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    boto3.client("cloudformation").create_stack(
        StackName=stack_name(PROJECT), TemplateBody=json.dumps(template)
    )
    registry = stage_registry(opened, PROJECT)
    artifact = open_artifact(write_artifact(tmp_path / "tiny"))
    registry.publish(artifact)
    registry.promote("sentiment", artifact.version, "for a test")
    (found,) = models.memory(opened, Deployment(PROJECT, DEV))
    assert found.summary == "dev: sentiment take about 104 of 1,769 MB"


def test_a_models_weights_count_twice():
    production = open_registry("registry")
    alias = production.alias("sentiment", "production")
    assert alias
    manifest = production.describe("sentiment", alias.version).manifest
    weights = manifest.files["model.safetensors"].bytes
    assert memory_of([manifest]) - PROCESS == pytest.approx(2 * weights + 20e6, rel=0.1)
