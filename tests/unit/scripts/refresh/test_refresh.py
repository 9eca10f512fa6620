"""From a source's newest revision to a candidate, or to a reason why not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from function.core.artifact import open_artifact
from function.core.errors import ArtifactError
from function.core.heads import Task
from scripts.common.errors import LostRaceError, RegistryError, StoreError
from scripts.gate.decision import run_gate
from scripts.gate.golden import read_golden
from scripts.refresh.refresh import refresh
from scripts.refresh.sources.directory import Directory
from scripts.refresh.sources.location import RegistrySource
from scripts.refresh.sources.source import Revision
from scripts.refresh.verdicts import find_verdict
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import Registry
from tests.faults import FAULTS, FaultyStore, KilledError
from tests.golden import KNOWS_ALL, LENIENT, write_golden, write_models
from tests.tiny import write_artifact

MODEL = "sentiment"
TASK: Task = "text-classification"
LABELS = ["negative", "positive"]


class Counted:
    """A source that counts its downloads."""

    def __init__(self, path):
        self._source, self.fetched = Directory(str(path)), 0

    def newest(self):
        return self._source.newest()

    def fetch(self, revision, folder):
        self.fetched += 1
        return self._source.fetch(revision, folder)


@pytest.fixture
def models(tmp_path):
    return write_models(tmp_path)


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(LENIENT)
    return path


@pytest.fixture
def golden(tmp_path):
    return read_golden(write_golden(tmp_path / "golden.jsonl"), TASK, LABELS).content()


def prepare(registry, models, golden):
    """A in production, and a golden set."""
    version = registry.publish(open_artifact(models["A"]))
    registry.promote(MODEL, version, "first")
    freeze_golden(registry.store, MODEL, golden)
    return version


def run(registry, source, gate, retry=False):
    return refresh(registry, MODEL, source, gate_settings=gate, retry=retry, say=lambda line: None)


def version_of(path):
    return open_artifact(path).version


def test_a_better_model_becomes_the_candidate_and_production_stays(registry, models, golden, gate):
    a = prepare(registry, models, golden)
    result = run(registry, Counted(models["B"]), gate)
    assert (result.verdict, result.changed) == ("passed", True)
    assert result.version == version_of(models["B"])
    assert result.previous == a
    assert registry.alias(MODEL, "candidate").version == result.version
    assert registry.alias(MODEL, "production").version == a
    registry.verify(MODEL, result.version)


def test_a_worse_model_is_refused_nothing_moves_and_it_is_not_fetched_again(
    registry, models, golden, gate
):
    prepare(registry, models, golden)
    source = Counted(models["C"])
    result = run(registry, source, gate)
    assert (result.verdict, result.changed) == ("refused", False)
    assert "accuracy" in result.reasons[0].lower()
    assert registry.alias(MODEL, "candidate") is None
    assert registry.versions(MODEL) == [version_of(models["A"])]
    again = run(registry, source, gate)
    assert (again.verdict, again.decided, source.fetched) == ("nothing new", False, 1)
    assert run(registry, source, gate, retry=True).verdict == "refused"
    assert source.fetched == 2


def test_the_verdict_keeps_every_figure(registry, models, golden, gate):
    prepare(registry, models, golden)
    source = Counted(models["C"])
    result = run(registry, source, gate)
    verdict = find_verdict(registry.store, MODEL, str(source.newest()))
    assert verdict
    assert verdict.reasons == result.reasons
    assert verdict.report["rows"] == 400
    assert verdict.champion == result.previous


def test_what_is_in_production_is_nothing_to_change(registry, models, golden, gate):
    prepare(registry, models, golden)
    result = run(registry, Counted(models["A"]), gate)
    assert (result.verdict, result.changed) == ("passed", False)
    assert registry.alias(MODEL, "candidate") is None


def test_a_first_model_is_held_against_floors(registry, models, golden, gate):
    freeze_golden(registry.store, MODEL, golden)
    assert run(registry, Counted(models["C"]), gate).verdict == "refused"
    result = run(registry, Counted(models["B"]), gate)
    assert (result.verdict, result.previous) == ("passed", None)


def test_too_few_rows_decide_nothing(registry, models, tmp_path, gate):
    few = read_golden(write_golden(tmp_path / "few.jsonl", 100), TASK, LABELS)
    prepare(registry, models, few.content())
    result = run(registry, Counted(models["B"]), gate)
    assert (result.verdict, result.changed) == ("underpowered", False)


def test_without_a_golden_set_nothing_is_judged(registry, models, gate):
    registry.publish(open_artifact(models["A"]))
    with pytest.raises(RegistryError, match=r"scripts\.golden"):
        run(registry, Counted(models["B"]), gate)


def test_an_empty_source_is_nothing_new(registry, models, golden, gate, tmp_path):
    prepare(registry, models, golden)
    (tmp_path / "empty").mkdir()
    assert run(registry, Counted(tmp_path / "empty"), gate).verdict == "nothing new"


def test_a_version_that_was_published_by_hand_is_judged_from_the_registry(
    registry, models, golden, gate, tmp_path
):
    prepare(registry, models, golden)
    source = RegistrySource(registry, MODEL)
    assert source.newest() is None
    newer = write_artifact(
        tmp_path / "newer",
        values=KNOWS_ALL,
        created=datetime(2026, 1, 2, 3, tzinfo=UTC),
    )
    version = registry.publish(open_artifact(newer))
    newest = source.newest()
    assert newest
    assert newest.revision == version
    assert run(registry, source, gate).version == version
    assert registry.alias(MODEL, "candidate").version == version


def test_of_two_versions_of_one_second_the_source_always_names_the_same(registry, models):
    versions = [registry.publish(open_artifact(models[name])) for name in "AB"]
    newest = RegistrySource(registry, MODEL).newest()
    assert newest
    assert newest.revision == max(versions)


def test_a_version_that_was_rolled_back_is_left_there_by_the_clock(registry, models, golden, gate):
    a = prepare(registry, models, golden)
    source = Counted(models["B"])
    b = run(registry, source, gate).version
    registry.promote(MODEL, b, "deployed")
    registry.rollback(MODEL, reason="alarm")
    assert run(registry, source, gate).verdict == "nothing new"
    from_registry = RegistrySource(registry, MODEL)
    result = run(registry, from_registry, gate)
    assert result.verdict in ("refused", "nothing new")
    assert registry.alias(MODEL, "production").version == a
    assert run(registry, source, gate, retry=True).verdict == "passed"


def test_a_rolled_back_version_under_another_name_is_refused(
    registry, models, golden, gate, tmp_path
):
    prepare(registry, models, golden)
    b = run(registry, Counted(models["B"]), gate).version
    registry.promote(MODEL, b, "deployed")
    registry.rollback(MODEL)

    class Elsewhere(Counted):
        def newest(self):
            return replace(super().newest(), source="dir:elsewhere")

        def fetch(self, revision, folder):
            return super().fetch(self._source.newest(), folder)

    result = run(registry, Elsewhere(models["B"]), gate)
    assert result.verdict == "refused"
    assert "rolled back" in result.reasons[0]


def test_a_checkpoint_that_was_published_before_a_kill_is_not_made_again(
    registry, models, golden, gate, tmp_path
):
    prepare(registry, models, golden)
    made = write_artifact(
        tmp_path / "made", values=KNOWS_ALL, provenance={"base": "hub:org/name", "revision": "abc"}
    )
    version = registry.publish(open_artifact(made))

    class Checkpoint:
        def newest(self):
            return Revision("hub:org/name", "abc")

        def fetch(self, revision, folder):
            raise AssertionError("it is in the registry already")

    assert run(registry, Checkpoint(), gate).version == version
    assert registry.alias(MODEL, "candidate").version == version


@pytest.mark.parametrize("chosen", [0, 1])
def test_of_two_imports_of_one_revision_the_champion_is_the_one(
    registry, models, golden, gate, tmp_path, chosen
):
    prepare(registry, models, golden)
    origin = {"base": "hub:org/name", "revision": "abc"}
    versions = []
    for hour in (8, 9):
        folder = tmp_path / str(hour)
        moment = datetime(2026, 1, 5, hour, tzinfo=UTC)
        write_artifact(folder, values=KNOWS_ALL, provenance=origin, created=moment)
        versions.append(registry.publish(open_artifact(folder)))
    registry.promote(MODEL, versions[chosen], "by hand")

    class Checkpoint:
        def newest(self):
            return Revision("hub:org/name", "abc")

        def fetch(self, revision, folder):
            raise AssertionError("it is in the registry already")

    assert run(registry, Checkpoint(), gate).version == versions[chosen]


def damage(path):
    """Change the last byte: the size stays, so that only the digest differs."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_damaged_candidate_is_an_error_that_names_the_file(registry, models, golden, gate):
    prepare(registry, models, golden)
    damage(models["B"] / "tokenizer.json")
    with pytest.raises(ArtifactError, match=r"tokenizer\.json: its SHA-256 differs"):
        run(registry, Counted(models["B"]), gate)
    assert registry.versions(MODEL) == [version_of(models["A"])]


def test_a_file_that_changes_between_import_and_publish_is_refused(
    registry, models, golden, gate, monkeypatch
):
    prepare(registry, models, golden)

    def judge_and_damage(candidate, *others):
        judgement = run_gate(candidate, *others)
        damage(candidate.path / "model.onnx")
        return judgement

    monkeypatch.setattr("scripts.refresh.judge.run_gate", judge_and_damage)
    with pytest.raises(ArtifactError, match=r"model\.onnx: its SHA-256 differs"):
        run(registry, Counted(models["B"]), gate)
    assert registry.versions(MODEL) == [version_of(models["A"])]
    assert registry.alias(MODEL, "candidate") is None


def test_a_champion_that_is_damaged_in_the_registry_judges_nobody(
    registry, models, golden, gate, monkeypatch
):
    version = prepare(registry, models, golden)
    key = f"{MODEL}/versions/{version}/model.onnx"
    stored = registry.store.get(key)
    registry.store.replace(key, stored.content[:-1] + b"?", stored.etag)
    with pytest.raises(ArtifactError, match=r"model\.onnx: its SHA-256 differs"):
        run(registry, Counted(models["B"]), gate)


def test_the_gate_hashes_no_model_again(registry, models, golden, gate, monkeypatch):
    prepare(registry, models, golden)

    def judge_alone(*arguments):
        with monkeypatch.context() as inside:
            inside.setattr("function.core.artifact.digest_file", None)  # hashing a file would fail
            return run_gate(*arguments)

    monkeypatch.setattr("scripts.refresh.judge.run_gate", judge_alone)
    assert run(registry, Counted(models["B"]), gate).verdict == "passed"


def test_production_that_moves_during_the_judgement_is_noticed(registry, models, golden, gate):
    prepare(registry, models, golden)
    other = registry.publish(open_artifact(models["C"]))

    class Promoting(Counted):
        def fetch(self, revision, folder):
            registry.promote(MODEL, other, "by someone else")
            return super().fetch(revision, folder)

    with pytest.raises(LostRaceError, match="production moved"):
        run(registry, Promoting(models["B"]), gate)
    assert registry.alias(MODEL, "candidate") is None


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_call_can_be_run_again(make_store, models, golden, gate, fault):
    counted = FaultyStore(make_store())
    prepare(Registry(counted), models, golden)
    done = len(counted.calls)
    wanted = run(Registry(counted), Counted(models["B"]), gate).version
    calls = len(counted.calls) - done
    for call in range(1, calls + 1, 5):
        store = make_store()
        prepare(Registry(store), models, golden)
        with pytest.raises((KilledError, StoreError)):
            run(Registry(FaultyStore(store, call, fault)), Counted(models["B"]), gate)
        registry = Registry(store)
        for version in registry.versions(MODEL):
            registry.verify(MODEL, version)
        run(registry, Counted(models["B"]), gate)
        candidate = registry.alias(MODEL, "candidate")
        assert candidate
        assert candidate.version == wanted
        assert run(registry, Counted(models["B"]), gate).verdict == "nothing new"
