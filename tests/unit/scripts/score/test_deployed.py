"""Scoring by a stage: real boto3 against moto, the real definition, the function's real handler."""

import json
from dataclasses import replace

import boto3
import pytest

from infra.configuration.bulk import BulkConfiguration
from infra.stages import DEV, PROJECT
from scripts.common.command_line import run
from scripts.common.errors import CommandError, UsageError
from scripts.score import __main__ as score
from scripts.score import deployed
from scripts.score.deployed import open_deployed
from scripts.score.execution import read_map_results
from scripts.score.run import Files, open_files, score_file
from tests.infra.handler import started
from tests.unit.scripts.score import cloud as clouds

BULK = BulkConfiguration(batch_texts=4, batch_bytes=1500, tolerated_failures_percent=50)
WORDS = ["good", "bad", "fine", "dull"]
COUNT = 30


@pytest.fixture(scope="module")
def handler(tmp_path_factory):
    with started(tmp_path_factory.mktemp("models"), AUTH="iam", MAX_TEXTS="4") as handler:
        yield handler


@pytest.fixture
def broken():
    """Texts at which the function breaks down."""
    return set()


@pytest.fixture
def cloud(bucket, handler, broken, monkeypatch):
    def function(event):
        if broken & {*json.loads(event["body"])["inputs"]}:
            return {"statusCode": 500, "body": json.dumps({"error": "something broke here"})}
        return handler(event)

    found = clouds.start(bucket, function, BULK)
    clouds.attach(found, monkeypatch)
    return found


@pytest.fixture
def stage(cloud, monkeypatch):
    """A stage whose stack says where the machine and its bucket are."""
    stage = replace(DEV, bulk=BULK)
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"BulkBucket": {"Value": cloud.bucket}, "BulkMachine": {"Value": cloud.machine}},
    }
    client = boto3.client("cloudformation")
    client.delete_stack(StackName=PROJECT.stack("dev", "bulk"))
    client.create_stack(StackName=PROJECT.stack("dev", "bulk"), TemplateBody=json.dumps(template))
    monkeypatch.setattr(deployed, "load_stage", lambda _: (PROJECT, stage))
    return stage


@pytest.fixture
def files(tmp_path):
    lines = [
        {"id": row, "text": f"the film is {WORDS[row % 4]}", "deep": {"n": [row]}}
        for row in range(COUNT)
    ]
    lines[3]["text"] = None
    lines[10]["text"] = "<br>"
    lines[20]["text"] = "good " * 400
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Files(source, tmp_path / "out.jsonl")


def scorer(cloud, **changed):
    return replace(open_deployed("dev", None), sleep=cloud.sleep, **changed)


def score_by(cloud, files, **changed):
    return score_file(files, open_files(files), scorer(cloud, **changed))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_scored(files):
    found, given = lines(files.output), lines(files.source)
    assert [row["id"] for row in found] == [row for row in range(COUNT) if row not in (3, 10, 20)]
    for row in found:
        assert {name: row[name] for name in ("id", "text", "deep")} == given[row["id"]]
        assert row["label"] == ("positive" if row["id"] % 2 == 0 else "negative")
        assert 0.5 < row["score"] <= 1
        assert row["model_version"].startswith("20260102-")
    rejected = {row["row"]: row["reason"] for row in lines(files.rejected)}
    assert list(rejected) == [3, 10, 20]
    assert rejected[3] == "has no text"
    assert rejected[10].startswith("is empty")
    assert "a batch of the stage has 1,500" in rejected[20]


def test_a_file_goes_through_the_map_and_comes_back_in_its_order(cloud, stage, files):
    tally = score_by(cloud, files)
    assert_scored(files)
    assert (tally.scored, tally.rejected) == (COUNT - 3, 3)
    (execution,) = cloud.executions
    assert cloud.sleeps > 3, "it was followed to its end"
    sent = boto3.client("s3").list_objects_v2(Bucket=cloud.bucket, Prefix="in/")["Contents"]
    assert [each["Key"] for each in sent] == [f"in/{execution.name}.jsonl"]


def test_only_texts_leave_the_machine(cloud, stage, files):
    score_by(cloud, files)
    client = boto3.client("s3")
    (sent,) = client.list_objects_v2(Bucket=cloud.bucket, Prefix="in/")["Contents"]
    body = client.get_object(Bucket=cloud.bucket, Key=sent["Key"])["Body"].read()
    assert {tuple(json.loads(line)) for line in body.splitlines()} == {("row", "text")}


def test_it_answers_as_the_command_and_keeps_the_progress(cloud, stage, files, monkeypatch, capsys):
    monkeypatch.setattr(deployed, "open_deployed", lambda *_: scorer(cloud))
    arguments = ["--input", str(files.source), "--output", str(files.output), "--stage", "dev"]
    monkeypatch.setattr("sys.argv", ["score", *arguments])
    run(score.main)
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == str(files.output), "behind the function's own log"
    assert f"in.jsonl: {COUNT}/{COUNT}" in said.err
    assert "27 scored, 27 by 20260102-" in said.err
    assert_scored(files)


def test_a_command_that_is_killed_finds_the_execution_that_it_started(cloud, stage, files):
    calls = []

    def killed(seconds):
        calls.append(seconds)
        if len(calls) == 3:
            raise KeyboardInterrupt
        cloud.sleep(seconds)

    with pytest.raises(KeyboardInterrupt):
        score_file(files, open_files(files), replace(scorer(cloud), sleep=killed))
    assert not files.output.exists()
    score_by(cloud, files)
    assert_scored(files)
    assert len(cloud.executions) == 1


def test_more_rows_than_one_map_reads_go_through_several(cloud, stage, files, monkeypatch):
    small = replace(BULK, maximum_rows=12)
    score_by(cloud, files, bulk=small)
    assert_scored(files)
    names = [execution.name for execution in cloud.executions]
    assert [name.rpartition("-")[2] for name in names] == ["0", "12", "24"]


def test_all_maps_of_a_file_call_the_version_that_was_live_at_its_start(cloud, stage, files):
    """Also where a deployment comes between them, and the command is killed there."""
    small = replace(BULK, maximum_rows=12)

    def deployed_meanwhile(seconds):
        if len(cloud.executions) == 2:
            cloud.version = "8"
            raise KeyboardInterrupt
        cloud.sleep(seconds)

    with pytest.raises(KeyboardInterrupt):
        score_file(
            files, open_files(files), replace(scorer(cloud, bulk=small), sleep=deployed_meanwhile)
        )
    score_by(cloud, files, bulk=small)
    assert_scored(files)
    assert len(cloud.executions) == 3
    assert {*cloud.called} == {"scoring:7"}
    score_by(cloud, replace(files, output=files.output.with_name("later.jsonl")), bulk=small)
    assert cloud.called[-1] == "scoring:8"


def test_a_file_is_never_larger_than_what_the_maps_reader_takes(cloud, stage):
    model = scorer(cloud, bulk=BulkConfiguration(maximum_rows=100_000_000))
    assert model.chunk_rows * model.bulk.batch_bytes < 10_000_000_000
    assert model.chunk_rows > 100_000


def test_a_batch_that_fails_as_a_whole_costs_its_rows_and_says_why(cloud, stage, files, broken):
    broken.add("the film is fine")
    source = [
        {"id": row, "text": f"the film is {'fine' if row == 6 else 'bad'}"} for row in range(9)
    ]
    files.source.write_text("".join(json.dumps(line) + "\n" for line in source))
    score_by(cloud, files)
    assert [row["id"] for row in lines(files.output)] == [0, 1, 2, 3, 8]
    rejected = lines(files.rejected)
    assert [row["row"] for row in rejected] == [4, 5, 6, 7]
    assert {row["reason"] for row in rejected} == {
        "its batch failed: Status500: something broke here"
    }
    assert rejected[2]["input"] == source[6], "so that they can be scored again"


def test_a_run_that_failed_says_so_and_loses_nothing(cloud, stage, files, broken):
    broken |= {f"the film is {word}" for word in WORDS}
    with pytest.raises(CommandError, match=r"(?s)FAILED.*Tolerated.*redrive-execution"):
        score_by(cloud, files)
    assert files.partial.exists()
    broken.clear()
    (execution,) = cloud.executions
    execution.status = "RUNNING"  # redriven: batches that failed are tried again
    cloud.running.clear()
    score_by(cloud, files)
    assert_scored(files)


def test_a_row_that_did_not_come_back_is_no_success(cloud, stage, files, monkeypatch):
    def all_but_one(*given):
        results = read_map_results(*given)
        next(results)
        yield from results

    monkeypatch.setattr(deployed, "read_map_results", all_but_one)
    with pytest.raises(CommandError, match="no result for some rows"):
        score_by(cloud, files)
    assert not files.output.exists()


def test_a_stage_without_bulk_scoring_says_what_to_do(monkeypatch):
    monkeypatch.setattr(deployed, "load_stage", lambda _: (PROJECT, DEV))
    with pytest.raises(UsageError, match=r"bulk=BulkConfiguration\(\) in infra/stages.py"):
        open_deployed("dev", None)
