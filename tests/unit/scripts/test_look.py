"""Whether there is something to judge, and that somebody looked."""

import json
import subprocess
import sys

import pytest

from function.core.artifact import open_artifact
from scripts import look
from scripts.lifecycle import keys
from scripts.lifecycle.errors import ConflictError
from scripts.lifecycle.looking import leave_trace
from scripts.lifecycle.registry import Registry
from scripts.lifecycle.verdicts import Verdict, keep_verdict
from tests.conftest import REPOSITORY
from tests.tiny import write_artifact

MODEL = "sentiment"


@pytest.fixture
def run(location, tmp_path, monkeypatch):
    """Run the command; its outputs."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))

    def looked(source, *more):
        file = tmp_path / "outputs"
        file.write_text("")
        arguments = ["--registry", location, "--model", MODEL, "--source", source]
        arguments += ["--outputs", str(file), *more]
        monkeypatch.setattr(sys, "argv", ["look", *arguments])
        look.main()
        return dict(line.split("=", 1) for line in file.read_text().splitlines())

    return looked


def judged(registry, revision, outcome="refused"):
    source, _, pin = revision.partition("@")
    verdict = Verdict(source, pin, outcome, ["worse"], "20260101-00000000", "d", None, "g", {})
    keep_verdict(registry.store, MODEL, verdict)


def test_a_revision_that_nobody_judged_is_new(run, artifact, tmp_path) -> None:
    said = run(f"dir:{artifact}")
    assert said["new"] == "true"
    assert said["revision"].startswith(f"dir:{artifact}@")
    assert said["revision"] in (tmp_path / "summary").read_text()


@pytest.mark.parametrize("outcome", ["passed", "refused", "underpowered"])
def test_what_was_judged_is_new_only_to_a_person_who_says_so(
    run, registry, artifact, tmp_path, outcome
) -> None:
    judged(registry, run(f"dir:{artifact}")["revision"], outcome)
    assert run(f"dir:{artifact}")["new"] == "false"
    assert f": {outcome}" in (tmp_path / "summary").read_text()
    assert run(f"dir:{artifact}", "--retry")["new"] == "true"


def test_the_registry_itself_is_a_source(run, registry: Registry, artifact, tmp_path) -> None:
    first = registry.publish(open_artifact(artifact))
    assert run("registry")["revision"] == f"registry@{first}"
    registry.promote(MODEL, first, "it answered")
    assert run("registry") == {"new": "false", "revision": ""}
    assert run("registry", "--retry")["new"] == "false"


def test_every_look_leaves_a_trace_of_the_last_and_no_other(run, registry, artifact) -> None:
    run("registry")
    first = json.loads(registry.store.get(keys.last_look(MODEL)).content)
    run(f"dir:{artifact}")
    last = json.loads(registry.store.get(keys.last_look(MODEL)).content)
    assert first["source"] == "registry"
    assert last["source"] == f"dir:{artifact}"
    assert last["looked_at"] >= first["looked_at"]
    assert [entry.key for entry in registry.store.list(f"{MODEL}/looks/")] == [
        keys.last_look(MODEL)
    ]
    assert MODEL not in registry.models(), "a trace is no model"


def test_two_who_look_at_once_are_content_with_one_trace(registry, monkeypatch) -> None:
    def conflict(*_):
        raise ConflictError("meanwhile")

    monkeypatch.setattr("scripts.lifecycle.looking.write", conflict)
    leave_trace(registry, MODEL, "registry")


def test_it_needs_neither_torch_nor_a_runtime(tmp_path) -> None:
    artifact = write_artifact(tmp_path / "model")
    program = (
        "import runpy, sys\n"
        "runpy.run_module('scripts.look', run_name='__main__')\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'pandas', 'aws_cdk'}\n"
        "loaded = heavy & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    arguments = ["--registry", str(tmp_path / "r"), "--model", MODEL, "--source", f"dir:{artifact}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sentiment: to judge: dir:")
