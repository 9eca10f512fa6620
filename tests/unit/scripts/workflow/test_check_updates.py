"""Whether there is something to judge, of which model, and the record of the check."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from function.core.artifact import open_artifact
from infra.stages import PROD, PROJECT
from scripts.common.errors import ConflictError, UsageError
from scripts.refresh.updates import record_check
from scripts.refresh.verdicts import RevisionVerdict, keep_verdict
from scripts.registry import keys
from scripts.registry.registry import PRODUCTION, Registry, open_registry
from scripts.workflow import check_updates
from tests.commands import run_python
from tests.tiny import write_artifact

MODEL, OTHER = "sentiment", "topics"


@pytest.fixture
def run(location, registry, versions, tmp_path, monkeypatch):
    """Run the command where a model is in production; what is to be judged, model to source."""
    promote(registry, versions[0])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))

    def check(source="registry", *more, pins=()):
        stage = replace(PROD, models=pins)
        monkeypatch.setattr(check_updates, "load_stage", lambda name: (PROJECT, stage))
        file = tmp_path / "outputs"
        file.write_text("")
        arguments = ["--registry", location, "--stage", "prod", "--source", source]
        arguments += ["--outputs", str(file), *more]
        monkeypatch.setattr(sys, "argv", ["check_updates", *arguments])
        check_updates.main()
        name, _, value = file.read_text().removesuffix("\n").partition("=")
        assert name == "new"
        return {each["model"]: each["source"] for each in json.loads(value or "[]")}

    return check


@pytest.fixture
def other(registry, tmp_path):
    """A second model in production."""
    promote(registry, open_artifact(write_artifact(tmp_path / "other", model=OTHER)))


@pytest.fixture
def said(tmp_path):
    """The job's page."""
    return lambda: (tmp_path / "summary").read_text()


def promote(registry, artifact):
    return registry.promote(artifact.manifest.model, registry.publish(artifact), "it answered")


def newer(registry, tmp_path, model=MODEL):
    """Publish a version that is not in production yet."""
    tomorrow = datetime(2026, 1, 3, tzinfo=UTC)
    folder = write_artifact(tmp_path / f"newer-{model}", model=model, created=tomorrow)
    return registry.publish(open_artifact(folder))


def judged(registry, revision, outcome="refused"):
    source, _, pin = revision.partition("@")
    verdict = RevisionVerdict(
        source, pin, outcome, ["worse"], "20260101-00000000", "d", None, "g", {}
    )
    keep_verdict(registry.store, MODEL, verdict)


def test_a_revision_that_nobody_judged_is_new(run, artifact, said) -> None:
    assert run(f"dir:{artifact}") == {MODEL: f"dir:{artifact}"}
    assert f"{MODEL}: to judge: dir:{artifact}@" in said()


@pytest.mark.parametrize("outcome", ["passed", "refused", "underpowered"])
def test_what_was_judged_is_new_only_where_a_person_asks_for_it(
    run, registry, tmp_path, said, outcome
) -> None:
    judged(registry, f"registry@{newer(registry, tmp_path)}", outcome)
    assert run() == {}
    assert f": {outcome}" in said()
    assert run("registry", "--retry") == {MODEL: "registry"}


def test_the_registry_itself_is_a_source(run, registry: Registry, tmp_path) -> None:
    assert run() == {}
    version = newer(registry, tmp_path)
    assert run() == {MODEL: "registry"}
    registry.promote(MODEL, version, "it answered")
    assert run("registry", "--retry") == {}


def test_every_model_that_the_stage_serves_is_checked(run, other, registry, tmp_path) -> None:
    newer(registry, tmp_path, OTHER)
    assert run() == {OTHER: "registry"}
    newer(registry, tmp_path)
    assert run() == {MODEL: "registry", OTHER: "registry"}
    assert run(pins=(MODEL,)) == {MODEL: "registry"}, "the stage carries no other"
    for model in (MODEL, OTHER):
        assert registry.store.get(keys.last_check(model))


def test_a_model_that_never_answered_nor_passed_is_served_by_nobody(run, registry, tmp_path):
    newer(registry, tmp_path, OTHER)
    assert run() == {}


def test_a_model_that_the_stage_pins_stays_and_is_recorded_as_checked(
    run, registry, tmp_path, said
) -> None:
    pinned = registry.alias(MODEL, PRODUCTION).version
    newer(registry, tmp_path)
    assert run("registry", "--retry", pins=(f"{MODEL}={pinned}",)) == {}
    assert f"stays at {pinned}, which infra/stages.py pins" in said()
    assert registry.store.get(keys.last_check(MODEL))


def test_each_model_may_have_a_source_of_its_own(run, other, registry, tmp_path, artifact) -> None:
    newer(registry, tmp_path)
    assert run(f"{OTHER}=dir:{artifact}") == {MODEL: "registry", OTHER: f"dir:{artifact}"}


def test_one_model_alone_may_be_asked_for(run, other, registry, tmp_path) -> None:
    newer(registry, tmp_path)
    newer(registry, tmp_path, OTHER)
    assert run("registry", "--model", OTHER) == {OTHER: "registry"}
    with pytest.raises(UsageError, match=r"prod serves sentiment, topics, and no 'topic'"):
        run("registry", "--model", "topic")


def test_a_source_that_cannot_be_read_holds_no_other_model_up(
    run, other, registry, tmp_path, said
) -> None:
    newer(registry, tmp_path)
    absent = f"dir:{tmp_path}/absent"
    assert run(f"{OTHER}={absent}") == {MODEL: "registry", OTHER: absent}
    assert f"{OTHER}: cannot be checked" in said()
    assert OTHER not in [entry.key.split("/")[0] for entry in registry.store.list(f"{OTHER}/looks")]


def test_every_check_records_the_last_one_and_no_other(run, registry, artifact) -> None:
    run("registry")
    first = json.loads(registry.store.get(keys.last_check(MODEL)).content)
    run(f"dir:{artifact}")
    last = json.loads(registry.store.get(keys.last_check(MODEL)).content)
    assert first["source"] == "registry"
    assert last["source"] == f"dir:{artifact}"
    assert last["looked_at"] >= first["looked_at"]
    assert [entry.key for entry in registry.store.list(f"{MODEL}/looks/")] == [
        keys.last_check(MODEL)
    ]


def test_a_record_of_a_check_is_no_model(registry) -> None:
    record_check(registry, MODEL, "registry")
    assert MODEL not in registry.models()


def test_two_checks_at_once_are_content_with_one_record(registry, monkeypatch) -> None:
    def conflict(*_):
        raise ConflictError("meanwhile")

    monkeypatch.setattr("scripts.refresh.updates.write_document", conflict)
    record_check(registry, MODEL, "registry")


def test_it_needs_neither_torch_nor_a_runtime(tmp_path) -> None:
    registry = open_registry(str(tmp_path / "r"))
    promote(registry, open_artifact(write_artifact(tmp_path / "first")))
    newer(registry, tmp_path)
    program = (
        "import runpy, sys\n"
        "runpy.run_module('scripts.workflow.check_updates', run_name='__main__')\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'pandas', 'aws_cdk'}\n"
        "loaded = heavy & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = run_python("-c", program, "--registry", tmp_path / "r", "--stage", "prod")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sentiment: to judge: registry@")
