"""The commands of GitHub's jobs, in an account that enforces the policies of the jobs' roles.

Programs stand in for Docker, which pushes to moto's ECR by the job's role, and for the CDK, which
takes on a role of its bootstrap.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from function.core.artifact import open_artifact
from infra.configuration.bulk import BulkConfiguration
from infra.configuration.predictions import PredictionsConfiguration
from infra.configuration.service import ServiceConfiguration
from infra.stages import PROD, PROJECT
from scripts import build, redeploy
from scripts.deploy import __main__ as deploy
from scripts.deploy import delivery, history, image_update, live
from scripts.doctor import __main__ as doctor
from scripts.doctor import github
from scripts.drift import __main__ as drift
from scripts.refresh import __main__ as refresh
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import open_registry
from scripts.workflow import check_updates, choose_models, released_commit, scan, verify_provenance
from tests.golden import LENIENT, write_golden, write_models
from tests.infra.enforcement import ACCOUNT, CDK_ROLE, REGION, Enforcement, role_policies
from tests.infra.synthesis import synthesise
from tests.predictions import START, log_lines
from tests.stand_ins.account import BUCKET

ALL = replace(
    PROD,
    service=ServiceConfiguration(capacity="fargate"),
    bulk=BulkConfiguration(),
    predictions=PredictionsConfiguration(),
)
STAGES = {"shipped": PROD, "with everything": ALL}
REGISTRY = f"s3://{BUCKET}"
OF_PROD = ("--stage", "prod")
NEWER = "f" * 40
GROUP = {"applicationName": "evergreen-prod", "deploymentGroupName": "evergreen-prod"}
DENIED = "is not authorized to perform"
LEFT_TO_AWS = {"iam:CreateServiceLinkedRole"}  # which no job may; `make deploy` does


WITH_A_LOG = [kind for kind, stage in STAGES.items() if stage.predictions]


@pytest.fixture(scope="module")
def policies():
    """Return the policies of each role, by the stage's kind."""
    return {kind: role_policies(synthesise(PROJECT, [stage])) for kind, stage in STAGES.items()}


def client(service: Any) -> Any:
    return boto3.Session().client(service)


class FailedError(Exception):
    """A command failed: the command, and what it wrote to stderr."""


class Jobs:
    """Jobs on the stage `prod`, which was deployed with model A by commit COMMIT.

    Attributes:
        enforcement: Of the roles' policies.
        folder: Has folders with models: A, and a better B.
        lacking: A role, a command, and an action that the role lacks for it.
    """

    def __init__(self, line, stage, enforcement, folder):
        self.stage, self.enforcement, self.folder = stage, enforcement, folder
        self.lacking = ("", None, "")
        self._line, self._outputs = line, folder / "outputs"

    def run(self, role, command, *arguments, outputs=False):
        """Run a command by a role."""
        self._outputs.write_text("")
        given = ["--outputs", str(self._outputs)] if outputs else []
        self.enforcement.used.clear()
        if self.lacking[:2] == (role, command):
            self.enforcement.withhold(role, self.lacking[2])
        with self.enforcement.acting(role):
            code, out, err = self._line(command, *arguments, *given)
        lines = self._outputs.read_text().splitlines()
        left = dict(each.split("=", 1) for each in lines)
        return SimpleNamespace(code=code, out=out, err=err, outputs=left)

    def do(self, *arguments, **options):
        """Run a command that must succeed, and be denied nothing."""
        done = self.run(*arguments, **options)
        if done.code:
            raise FailedError(arguments[1], done.err)
        denied = {each.rpartition(" ")[2] for each in done.err.splitlines() if DENIED in each}
        assert denied <= LEFT_TO_AWS
        return done

    def written(self):
        """Return the keys of S3 that the last command wrote."""
        return [
            resource.partition(f"{BUCKET}/")[2]
            for action, resource in self.enforcement.used
            if action == "s3:PutObject"
        ]

    def build(self, models=""):
        """Choose models, build, push, scan; return the arguments for a deployment."""
        chosen = self.do("push", choose_models, *OF_PROD, "--models", models, outputs=True).outputs
        given = ("--models", chosen["models"])
        built = self.do("push", build, *OF_PROD, *given, outputs=True).outputs
        assert self.written() == []
        images = []
        for name in ("function", "server") if self.stage.service else ("function",):
            digest = built[f"{name}_image"]
            images += [f"--{name}-image", digest]
            client("ecr").start_image_scan(  # as ECR does on a push
                repositoryName=f"evergreen/{name}", imageId={"imageDigest": digest}
            )
        self.do("push", scan, *OF_PROD, *images)
        return [*images, *given, "--after", chosen["after"]]


@pytest.fixture(params=STAGES)
def jobs(request, policies, line, cloud, tmp_path, monkeypatch):
    stage = STAGES[request.param]
    monkeypatch.setattr("infra.stages.STAGES", (stage,))
    minutes = (datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=n) for n in count())
    monkeypatch.setattr(delivery, "datetime", SimpleNamespace(now=lambda _: next(minutes)))
    monkeypatch.setattr(history, "PAUSE_SECONDS", 0)
    source = open_registry(str(tmp_path / "registry"))
    version = source.publish(open_artifact(write_models(tmp_path)["A"]))
    source.promote("sentiment", version, "for tests")
    golden = write_golden(tmp_path / "golden.jsonl").read_bytes()
    freeze_golden(source.store, "sentiment", golden)
    code, _, err = line(deploy, *OF_PROD, "--yes", "--registry", source.store.location)
    assert code == 0, err
    cloud.api.accepted = lambda: "the digest of a key"  # the API itself asks nobody
    codedeploy = client("codedeploy")
    codedeploy.create_application(applicationName="evergreen-prod", computePlatform="Lambda")
    role = f"arn:aws:iam::{ACCOUNT}:role/codedeploy"
    codedeploy.create_deployment_group(**GROUP, serviceRoleArn=role)
    enforcement = Enforcement(monkeypatch, policies[request.param])
    cdk, docker = cloud.cdk.run, cloud.docker.run

    def deploy_by_bootstrap(arguments, folder):
        role = f"arn:aws:iam::{ACCOUNT}:role/{CDK_ROLE}"
        try:
            client("sts").assume_role(RoleArn=role, RoleSessionName="cdk")
        except ClientError as error:
            print(error, file=sys.stderr)
            return str(error)
        with enforcement.suspended():
            return cdk(arguments, folder)

    def push_by_role(arguments, stdin):
        try:
            return docker(arguments, stdin)
        except ClientError as error:
            print(error, file=sys.stderr)
            return 1, ""

    monkeypatch.setattr(cloud.cdk, "run", deploy_by_bootstrap)
    monkeypatch.setattr(cloud.docker, "run", push_by_role)
    return Jobs(line, stage, enforcement, tmp_path)


@pytest.fixture
def update(jobs, monkeypatch):
    """Let CloudFormation have something to update, and Lambda the image of an update."""
    cloudformation = client("cloudformation")
    templates = {}
    for name in (PROJECT.stack("prod", part) for part in jobs.stage.image_parts):
        outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
        templates[name] = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Metadata": {"image": "another"},
            "Outputs": {each["OutputKey"]: {"Value": each["OutputValue"]} for each in outputs},
        }
    monkeypatch.setattr(image_update, "synthesise", lambda stage, context: templates)

    def live_digest(account, name, image):
        return live.live_digest(account, name) and image

    return lambda image: monkeypatch.setattr(
        delivery, "live_digest", partial(live_digest, image=image)
    )


def push(jobs):
    """Do the steps of release.yml after a push, which is of other code than what is live."""
    given = jobs.build()
    jobs.do("prod-deploy", deploy, *OF_PROD, *given)


def refresh_model(jobs, update):
    """Do the steps of refresh-model.yml, which finds model B."""
    gate = jobs.folder / "gate.toml"
    gate.write_text(LENIENT)
    where, newer = ("--registry", REGISTRY), f"dir:{jobs.folder / 'B'}"
    check = (*where, *OF_PROD, "--source", f"sentiment={newer}")
    assert jobs.do("refresh", check_updates, *check, outputs=True).outputs["new"]
    assert jobs.written() == ["sentiment/looks/last.json"]
    judge = (*where, "--model", "sentiment", "--source", newer, "--gate", str(gate))
    judged = jobs.do("refresh", refresh, *judge, outputs=True).outputs
    assert judged["verdict"] == "passed"
    kinds = {key.split("/")[1] for key in jobs.written()}
    assert kinds == {"aliases", "verdicts", "versions"}
    jobs.do("refresh", released_commit, *where, *OF_PROD)
    given = jobs.build(f"sentiment={judged['version']}")
    update(given[1])
    jobs.do("prod-refresh", deploy, *OF_PROD, *given, "--images-only")


def roll_back(jobs):
    """Do the step of rollback.yml while a canary is under way, and, once it is stopped, again."""
    revision = {"revisionType": "String", "string": {"content": "{}", "sha256": ""}}
    started = client("codedeploy").create_deployment(**GROUP, revision=revision)
    done = jobs.do("prod-deploy", redeploy, *OF_PROD)
    assert f"{started['deploymentId']} is under way: it is stopped" in done.err
    assert "is not stopped" not in done.err
    jobs.do("prod-deploy", redeploy, *OF_PROD)


def push_and_roll_back(jobs):
    push(jobs)
    roll_back(jobs)


def test_a_push_is_built_scanned_and_deployed(jobs, line):
    line.on(NEWER)
    # As after another stage's first deployment: production has yet to move.
    client("s3").delete_object(Bucket=BUCKET, Key="sentiment/aliases/production.json")
    push(jobs)
    assert "sentiment/aliases/production.json" in jobs.written()
    assert len(jobs.written()) == 2


def test_a_refresh_judges_builds_and_changes_images_alone(jobs, update):
    refresh_model(jobs, update)
    updated = [r for action, r in jobs.enforcement.used if action == "cloudformation:UpdateStack"]
    assert len(updated) == len(jobs.stage.image_parts)
    assert "sentiment/aliases/production.json" in jobs.written()
    assert len(jobs.written()) == 2


def test_a_rollback_stops_the_canary_and_goes_back(jobs, line):
    line.on(NEWER)
    version = open_registry(REGISTRY).publish(open_artifact(jobs.folder / "B"))
    jobs.do("prod-deploy", deploy, *OF_PROD, *jobs.build(f"sentiment={version}"))
    roll_back(jobs)
    assert "sentiment/aliases/production.json" in jobs.written()
    assert len(jobs.written()) == 2


def test_a_failed_canary_is_explained_to_the_role(jobs, line, cloud):
    line.on(NEWER)
    given = jobs.build()
    cloud.cdk.failing = "deploy"
    alarms = client("cloudwatch")
    name = "evergreen-prod-answers-5xx-2"
    alarms.put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="too many")
    done = jobs.run("prod-deploy", deploy, *OF_PROD, *given)
    assert f"alarm {name}: too many" in done.err
    assert {action for action, _ in jobs.enforcement.used} >= {"codedeploy:ListDeployments"}


@pytest.mark.parametrize("jobs", WITH_A_LOG, indirect=True)
def test_drift_reads_the_log_and_sends_metrics(jobs):
    (bucket,) = jobs.enforcement.buckets("refresh") - {BUCKET}
    production, s3 = open_registry(REGISTRY).alias("sentiment", "production"), client("s3")
    assert production
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, begin, size in (("good", START, 1000), ("now", START + timedelta(days=7), 200)):
        lines = [{**line, "version": production.version} for line in log_lines(size, begin=begin)]
        key = f"{name}/{begin:%Y/%m/%d/%H}/part"
        body = "".join(json.dumps(line) + "\n" for line in lines)
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    log = ("--log", f"s3://{bucket}/now", "--reference", f"s3://{bucket}/good")
    metrics = ("--cloudwatch", "Evergreen", "--service", "evergreen-prod")
    jobs.do("refresh", drift, "--registry", REGISTRY, *OF_PROD, *log, *metrics)
    assert ("cloudwatch:PutMetricData", "*") in jobs.enforcement.used


def manifests(digests):
    """Replace hashlib by these digests, since moto's are not of its manifests."""
    digest = SimpleNamespace(hexdigest=lambda: next(digests).removeprefix("sha256:"))
    return SimpleNamespace(sha256=lambda _: digest)


def test_the_provenance_of_images_is_verified_before_their_deployment(jobs, monkeypatch):
    given = jobs.build()
    images = given[: given.index("--models")]
    passes = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(returncode=0))
    monkeypatch.setattr(verify_provenance, "subprocess", passes)
    for role in ("prod-deploy", "prod-refresh"):
        verified = iter(images[1::2])
        monkeypatch.setattr(verify_provenance, "hashlib", manifests(verified))
        jobs.do(role, verify_provenance, *OF_PROD, *images)
        assert next(verified, None) is None


def test_the_doctor_names_what_a_role_may_not_look_at_and_goes_on(jobs, monkeypatch):
    """No job runs it: people do, who may read everything."""
    for name in ("repository", "schedule", "environments"):
        monkeypatch.setattr(github, name, lambda *_: iter(()))
    done = jobs.run("prod-deploy", doctor, *OF_PROD)
    assert done.code == 0, done.out
    assert "is live" in done.out.splitlines()[-1]
    unknown = {
        line.removeprefix("unknown ").partition(":")[0]
        for line in done.out.splitlines()
        if DENIED in line
    }
    of_service = {"zones", "service-linked roles"} if jobs.stage.service else set()
    assert unknown == {"OIDC provider", "deploy role"} | of_service


@pytest.mark.parametrize("jobs", ["shipped"], indirect=True)
@pytest.mark.parametrize(
    ("role", "command", "action"),
    [
        ("push", choose_models, "s3:ListBucket"),
        ("push", build, "ecr:GetAuthorizationToken"),
        ("push", build, "ecr:PutImage"),
        ("push", scan, "ecr:DescribeImageScanFindings"),
        ("refresh", check_updates, "s3:PutObject"),
        ("refresh", refresh, "s3:PutObject"),
        ("refresh", released_commit, "s3:GetObject"),
        ("prod-deploy", deploy, "sts:AssumeRole"),
        ("prod-deploy", deploy, "cloudformation:DescribeStacks"),
        ("prod-deploy", deploy, "lambda:GetFunction"),
        ("prod-deploy", deploy, "ssm:GetParameter"),
        ("prod-deploy", redeploy, "ecr:DescribeImages"),
        ("prod-deploy", redeploy, "s3:PutObject"),
        ("prod-refresh", deploy, "cloudformation:UpdateStack"),
        ("prod-refresh", deploy, "iam:PassRole"),
        ("prod-refresh", deploy, "ecr:BatchGetImage"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__.rpartition("scripts.")[2],
)
def test_a_command_fails_without_a_permission(jobs, update, line, role, command, action):
    line.on(NEWER)
    jobs.lacking = (role, command, action)
    of_refresh = role in ("refresh", "prod-refresh")
    walk = partial(refresh_model, jobs, update) if of_refresh else partial(push_and_roll_back, jobs)
    with pytest.raises(FailedError) as failed:
        walk()
    failing, error = failed.value.args
    assert failing is command
    assert DENIED in error or "may not do this" in error, error
