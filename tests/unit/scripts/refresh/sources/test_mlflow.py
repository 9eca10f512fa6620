"""MLflow's own client on a database in a file: no server, no network."""

import json
import sys

import mlflow
import pytest

from function.core.artifact import open_artifact, verify
from scripts.common.errors import MissingExtraError, SourceError
from scripts.refresh.sources.mlflow_registry import MlflowRegistry
from tests.tiny import write_artifact

MODEL = "senti'ment"  # names may hold what a filter must quote


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """One database for all tests: to make its tables takes seconds."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def client(database, monkeypatch):
    address = f"sqlite:///{database / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    client = mlflow.MlflowClient()
    if not client.search_experiments(filter_string="name = 'tests'"):
        client.create_experiment("tests", (database / "artifacts").as_uri())
    client.create_registered_model(MODEL)
    yield client
    client.delete_registered_model(MODEL)


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "fetched"
    path.mkdir()
    return path


def register(client, folder, path="model"):
    """Log a folder in a run and register it; returns the version's number."""
    (experiment,) = client.search_experiments(filter_string="name = 'tests'")
    run = client.create_run(experiment.experiment_id)
    client.log_artifacts(run.info.run_id, str(folder), path)
    location = f"{run.info.artifact_uri}/{path}"
    return client.create_model_version(MODEL, location, run.info.run_id).version


def newest(address=MODEL):
    """The newest revision, which must be there."""
    revision = MlflowRegistry(address).newest()
    assert revision
    return revision


@pytest.fixture
def artifacts(tmp_path):
    return [write_artifact(tmp_path / f"a{n}", temperature=1.0 + n) for n in range(2)]


def test_the_latest_version_is_the_newest(client, artifacts):
    for _ in range(5):
        register(client, artifacts[0])
    first = newest()
    for _ in range(5):
        register(client, artifacts[1])
    last = newest()
    assert first.source == last.source == f"mlflow:{MODEL}"
    assert first.revision.startswith("5-")
    assert last.revision.startswith("10-")  # not 9, which comes last among texts
    assert newest() == last


def test_an_alias_names_its_version(client, artifacts):
    first = register(client, artifacts[0])
    register(client, artifacts[1])
    client.set_registered_model_alias(MODEL, "champion", first)
    revision = newest(f"{MODEL}@champion")
    assert revision.source == f"mlflow:{MODEL}"
    assert revision.revision.startswith(f"{first}-")


def test_a_fetched_version_is_the_artifact_that_was_logged(client, artifacts, target):
    register(client, artifacts[0])
    revision = newest()
    register(client, artifacts[1])
    fetched = open_artifact(MlflowRegistry(MODEL).fetch(revision, target))
    verify(fetched)
    assert fetched.digest == open_artifact(artifacts[0]).digest


def test_looking_for_the_newest_downloads_nothing(client, artifacts, monkeypatch):
    register(client, artifacts[0])
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda **_: pytest.fail("asked"))
    assert newest()


def test_a_number_that_was_given_again_is_another_revision(client, artifacts, target):
    number = register(client, artifacts[0])
    revision = newest()
    client.delete_registered_model(MODEL)
    client.create_registered_model(MODEL)
    assert register(client, artifacts[1]) == number
    assert newest() != revision
    with pytest.raises(SourceError, match=f"version {number} was replaced"):
        MlflowRegistry(MODEL).fetch(revision, target)


def test_a_checkpoint_as_mlflow_logs_it_gets_its_tokenizer(client, tmp_path, target):
    logged = tmp_path / "logged"
    (logged / "model").mkdir(parents=True)
    (logged / "components" / "tokenizer").mkdir(parents=True)
    (logged / "MLmodel").write_text("flavors: {}")
    (logged / "model" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (logged / "model" / "model.safetensors").write_bytes(b"weights")
    (logged / "components" / "tokenizer" / "tokenizer.json").write_text("{}")
    register(client, logged)
    fetched = MlflowRegistry(MODEL).fetch(newest(), target)
    assert {path.name for path in fetched.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }


def test_a_version_with_two_models_or_none_is_refused(client, tmp_path, target):
    folder = tmp_path / "several"
    write_artifact(folder / "one")
    write_artifact(folder / "two")
    register(client, folder)
    with pytest.raises(SourceError, match=r"several models \(.*one, .*two\)"):
        MlflowRegistry(MODEL).fetch(newest(), target)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("")
    register(client, tmp_path / "notes")
    (tmp_path / "other").mkdir()
    with pytest.raises(SourceError, match="holds neither"):
        MlflowRegistry(MODEL).fetch(newest(), tmp_path / "other")


def test_a_model_without_versions_has_nothing(client):
    assert MlflowRegistry(MODEL).newest() is None


@pytest.mark.parametrize("address", ["absent", "absent@champion"])
def test_an_unknown_model_is_one_line(client, address):
    with pytest.raises(SourceError, match=r"^mlflow:absent: not found") as raised:
        MlflowRegistry(address).newest()
    assert "\n" not in str(raised.value)


def test_an_unknown_alias_is_one_line(client, artifacts):
    register(client, artifacts[0])
    with pytest.raises(SourceError, match="champion") as raised:
        MlflowRegistry(f"{MODEL}@champion").newest()
    assert str(raised.value).startswith(f"mlflow:{MODEL}: ")


def test_a_server_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(SourceError, match=r"^mlflow:m: ") as raised:
        MlflowRegistry("m").newest()
    assert "\n" not in str(raised.value)


def test_without_the_client_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"mlflow is not installed.*'make tools'"):
        MlflowRegistry("m").newest()
