"""The life of a model through the commands alone, in a bucket: the steps of docs/refresh.md."""

import json
import time

import pytest

from tests.aws import aws, bucket, moto_endpoint
from tests.commands import run_python
from tests.golden import LENIENT, write_golden, write_models

__all__ = ["aws", "bucket", "moto_endpoint"]

pytestmark = pytest.mark.integration

# Nothing that a check for updates imports may need these.
WITHOUT = """
import runpy, sys
for name in ("torch", "transformers", "onnx", "pyarrow", "onnxruntime"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Commands:
    """Runs commands on one registry, as people and workflows do."""

    def __init__(self, location, environment):
        self.location, self._environment = location, environment
        self.stderr = ""

    def __call__(self, name, *arguments, code=0, without_training=False):
        module = f"scripts.{name}"
        start = ["-c", WITHOUT, module] if without_training else ["-m", module]
        done = run_python(*(*start, "--registry", self.location, *arguments), **self._environment)
        assert done.returncode == code, f"{module}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        self.stderr = done.stderr
        return done.stdout.strip() if code == 0 else done.stderr.strip()


@pytest.fixture
def command(bucket, aws):
    return Commands(f"s3://{bucket}/registry", aws)


def test_the_life_of_a_model(command, tmp_path):
    models, golden = write_models(tmp_path), write_golden(tmp_path / "golden.jsonl")
    gate, happened = tmp_path / "gate.toml", tmp_path / "happened.json"
    gate.write_text(LENIENT)

    def refresh(source, **more):
        arguments = ("--model", "sentiment", "--source", source, "--gate", gate)
        return command("refresh", *arguments, "--json", happened, **more)

    def result():
        return json.loads(happened.read_text())

    def production():
        command("versions", "--model", "sentiment", "--json", tmp_path / "versions.json")
        rows = json.loads((tmp_path / "versions.json").read_text())
        return next(row["version"] for row in rows if "production" in row["aliases"])

    # Publish A, promote A.
    a = command("publish", "--artifact", models["A"])
    command("promote", "--model", "sentiment", "--version", a)
    command("golden", "--model", "sentiment", "--data", golden)
    assert production() == a

    # Refresh to a better B, which the deployment then promotes.
    refresh(f"dir:{models['B']}")
    b = result()["version"]
    assert result()["changed"]
    assert (result()["verdict"], result()["previous"]) == ("passed", a)
    assert result()["source"] == f"dir:{models['B']}"
    assert production() == a
    command("promote", "--model", "sentiment", "--version", b)

    # A worse C is refused, and the next tick does not try again.
    report = tmp_path / "report.md"
    said = command(
        "refresh", "--model", "sentiment", "--source", f"dir:{models['C']}", "--gate", gate,
        "--json", happened, "--report", report, code=3,
    )  # fmt: skip
    assert "nothing moved" in said
    assert not result()["changed"]
    assert "refused" in report.read_text()
    begun = time.monotonic()
    refresh(f"dir:{models['C']}", without_training=True)
    assert time.monotonic() - begun < 10
    assert result()["verdict"] == "nothing new"

    # Roll back to A, and the scheduled refresh leaves it there.
    assert f"{b} -> {a}" in command("rollback", "--model", "sentiment", "--from", b)
    assert "nothing to do" in command("rollback", "--model", "sentiment", "--from", b)
    refresh(f"dir:{models['B']}", without_training=True)
    assert result()["verdict"] == "nothing new"
    assert production() == a
    assert "nothing to go back to" in command("rollback", "--model", "sentiment", code=1)

    # What is in production can be pulled and is whole; a table shows all.
    assert a in command("pull", "--model", "sentiment", "--output", tmp_path / "pulled")
    command("pull", "--model", "sentiment", "--backend", "torch", "--output", tmp_path / "torch")
    assert not (tmp_path / "torch" / "sentiment" / "model.onnx").exists()
    shown = command("versions")
    assert "rolled back" in shown
    assert "production" in shown
    removed = command("prune", "--model", "sentiment", "--newest", "1", "--window", "1")
    assert a not in removed.split(";")[0]


def test_a_first_model_goes_through_the_gate_by_its_labels_alone(command, tmp_path):
    models, golden = write_models(tmp_path), write_golden(tmp_path / "golden.jsonl")
    gate = tmp_path / "gate.toml"
    gate.write_text(LENIENT)
    frozen = ("golden", "--model", "sentiment", "--data", golden)
    for labels, said in (("negative,negative", "each label once"), ("a,", "each label once")):
        assert said in command(*frozen, "--labels", labels, code=2)
    digest = command(*frozen, "--labels", "negative, positive")
    said = command(
        "refresh", "--model", "sentiment", "--source", f"dir:{models['B']}", "--gate", gate
    )
    version = said.split()[-1]
    assert f"scripts.promote --registry {command.location}" in command.stderr
    assert f"--version {version} && make run" in command.stderr
    assert command(*frozen) == digest
    assert command(*frozen, "--labels", "negative,positive") == digest
    assert "leave --labels out" in command(*frozen, "--labels", "positive,negative", code=2)


def test_a_corrupted_upload_never_reaches_anyone(command, bucket, tmp_path):
    import boto3

    models = write_models(tmp_path)
    version = command("publish", "--artifact", models["A"])
    key = f"registry/sentiment/versions/{version}/model.onnx"
    client = boto3.client("s3")
    content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=content[:-1] + b"?")
    promoted = command("promote", "--model", "sentiment", "--version", version, code=1)
    assert "model.onnx: its SHA-256 differs" in promoted
    pulled = command(
        "pull", "--model", f"sentiment={version}", "--output", tmp_path / "out", code=1
    )
    assert "model.onnx: its SHA-256 differs" in pulled
    assert not (tmp_path / "out" / "sentiment").exists()


def test_a_bucket_that_is_not_there_is_one_line(aws):
    command = Commands("s3://no-such-bucket-here", aws)
    said = command("versions", code=1)
    assert said.splitlines() == [said]
    assert "NoSuchBucket: create it" in said


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("promote", ("--model", "sentiment", "--version", "../x"), "not a name"),
        ("refresh", ("--model", "sentiment", "--source", "ftp:x"), "no source"),
        ("golden", ("--model", "sentiment", "--data", "nowhere.csv"), "publish a version first"),
        ("pull", ("--output", "nowhere"), "promote a version first"),
    ],
)
def test_wrong_usage_is_one_line(command, name, arguments, said):
    code = 2 if name in ("promote", "refresh") else 1
    assert said in command(name, *arguments, code=code)
