"""Trackers for real, on SQLite and in files, and what keeps them from costing a run."""

import importlib
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scripts.common.errors import MissingExtraError
from scripts.report import track
from scripts.tracking import open_tracker
from scripts.tracking.recording import Recording, TrackedSteps
from scripts.tracking.tracker import NullTracker, Point, TrackingError
from scripts.train.config import TrainConfig
from scripts.train.record import read_training_log, record_run
from tests.predictions import a_check, a_log


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The folder of an MLflow database, which takes seconds to make."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield folder


@pytest.fixture
def client(database):
    from mlflow.tracking import MlflowClient

    return MlflowClient()


def open_run(choice="mlflow", runs=None, folder=Path(), group="toy"):
    return open_tracker(choice, group=group, name="first", folder=folder, runs=runs or {})


def curve(name, steps):
    return [Point(name, 1 / (step + 1), step) for step in steps]


def leave_files(folder):
    """What a run reports at its end."""
    (folder / "artifact").mkdir()
    (folder / "artifact" / "manifest.json").write_text("{}")
    (folder / "config.json").write_text("{}")
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(folder / "loss.png")


def record_everything(tracker, folder):
    leave_files(folder)
    tracker.parameters({"finetuning.learning_rate": "0.003", "odd:name(é)": "x"})
    tracker.metrics(curve("finetuning/loss", range(1, 1501)))
    tracker.picture(folder / "loss.png")
    tracker.file(folder / "config.json")
    tracker.model(folder / "artifact", "toy", register=True)
    tracker.finish("finished")


def test_mlflow_holds_a_whole_run(database, client, tmp_path):
    tracker = open_run("auto")
    record_everything(tracker, tmp_path)
    run = client.get_run(tracker.run)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params["finetuning.learning_rate"] == "0.003"
    history = client.get_metric_history(tracker.run, "finetuning/loss")
    assert [metric.step for metric in history] == list(range(1, 1501))
    kept = {file.path for file in client.list_artifacts(tracker.run)}
    assert kept == {"plots", "config.json", "artifact"}
    assert list(database.rglob("mlruns/**/plots/loss.png")), "files lie next to the database"


def test_mlflow_registers_each_model_as_a_newer_version(client, tmp_path):
    from mlflow.artifacts import download_artifacts

    leave_files(tmp_path)
    for _ in range(2):
        tracker = open_run()
        tracker.model(tmp_path / "artifact", "registered", register=True)
    versions = client.search_model_versions("name='registered'")
    assert {version.version for version in versions} == {1, 2}
    fetched = tmp_path / "fetched"
    location = client.get_model_version_download_uri("registered", "2")
    download_artifacts(artifact_uri=location, dst_path=str(fetched))
    assert list(fetched.rglob("manifest.json"))


def test_mlflow_does_not_register_unless_asked_to(client, tmp_path):
    leave_files(tmp_path)
    open_run().model(tmp_path / "artifact", "unregistered", register=False)
    assert not client.search_model_versions("name='unregistered'")


def test_mlflow_goes_on_with_the_same_run(client):
    first = open_run()
    first.finish("killed")
    again = open_run(runs={"mlflow": first.run, "wandb": "other"})
    assert again.run == first.run
    assert client.get_run(first.run).info.status == "RUNNING"


def test_a_run_that_was_deleted_is_begun_again(client):
    first = open_run()
    client.delete_run(first.run)
    assert open_run(runs={"mlflow": first.run}).run != first.run
    assert open_run(runs={"mlflow": "0" * 32}).run != first.run


def test_points_that_are_sent_again_are_kept_once(client):
    tracker = open_run()
    points = curve("finetuning/loss", range(10))
    tracker.metrics(points[:6])
    tracker.metrics(points)
    assert len(client.get_metric_history(tracker.run, "finetuning/loss")) == 10


def wandb_records(path):
    """What W&B wrote to a run's file: a LevelDB log of protocol buffers."""
    messages: Any = importlib.import_module("wandb.proto.wandb_internal_pb2")

    data, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield messages.Record.FromString(whole)
            whole = b""


def finished_records(path):
    """The same once W&B's own process, which may write for a moment, has recorded the run's end."""
    deadline = time.monotonic() + 30
    records = list(wandb_records(path))
    while not any(record.HasField("exit") for record in records):
        assert time.monotonic() < deadline
        time.sleep(0.1)
        records = list(wandb_records(path))
    return records


def test_wandb_holds_a_whole_run_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    tracker = open_run("wandb", folder=tmp_path)
    record_everything(tracker, tmp_path)
    (file,) = tmp_path.glob(f"wandb/offline-run-*/run-{tracker.run}.wandb")
    records = finished_records(file)
    rows = [
        {item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.HasField("history")
    ]
    losses = {row["finetuning/step"]: row["finetuning/loss"] for row in rows[:1500]}
    assert losses == {point.step: point.value for point in curve("finetuning/loss", range(1, 1501))}
    assert any("plots/loss" in row for row in rows)
    saved = {item.path for record in records for item in record.files.files}
    assert "config.json" in saved
    assert [record.artifact.name for record in records if record.artifact.type == "model"] == [
        "toy"
    ]
    settings = {item.key: item.value_json for r in records for item in r.config.update}
    assert settings["finetuning.learning_rate"] == '"0.003"'


@pytest.mark.parametrize(
    ("choice", "module", "package"),
    [("mlflow", "mlflow_tracker", "mlflow.entities"), ("wandb", "wandb_tracker", "wandb")],
)
def test_a_named_tracker_that_is_not_installed_says_what_to_install(
    monkeypatch, choice, module, package
):
    monkeypatch.delitem(sys.modules, f"scripts.tracking.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=f'pip install {choice}.*to = "none"'):
        open_run(choice)


def test_training_goes_without_a_tracker_that_nobody_named(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "scripts.tracking.mlflow_tracker", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow.entities", None)
    assert isinstance(open_run("auto"), NullTracker)
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install mlflow-skinny" in line


@pytest.mark.parametrize("choice", ["auto", "mlflow"])
def test_a_server_that_is_down_is_an_error_before_training(monkeypatch, choice):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="refused") as raised:
        open_run(choice)
    assert "\n" not in str(raised.value)


class Unreliable(NullTracker):
    """A tracker of which every call takes `delay` seconds and fails while it is `down`."""

    kind, run = "unreliable", "1"

    def __init__(self, down=False):
        self.now, self.delay, self.down, self.calls = 0.0, 0.0, down, 0
        self.points, self.ended = [], None

    def metrics(self, points):
        self._answer()
        self.points += points

    def finish(self, status):
        self._answer()
        self.ended = status

    def _answer(self):
        self.now += self.delay
        self.calls += 1
        if self.down:
            raise ConnectionError("gone\naway")


@pytest.fixture
def tracker():
    return Unreliable()


def make_recording(tracker, folder):
    return Recording(tracker, TrackedSteps(folder / "tracking.json"), clock=lambda: tracker.now)


def train(recording, tracker, steps, seconds=0.1):
    for point in curve("loss", steps):
        tracker.now += seconds
        recording.add([point])


def steps_of(tracker):
    return [point.step for point in tracker.points]


def test_every_step_arrives_though_few_calls_are_made(tracker, tmp_path):
    recording = make_recording(tracker, tmp_path)
    train(recording, tracker, range(200))
    assert 15 <= tracker.calls <= 20
    recording.finish("finished")
    assert steps_of(tracker) == list(range(200))
    assert tracker.ended == "finished"


def test_a_slow_tracker_takes_no_more_than_its_share_of_the_time(tracker, tmp_path):
    tracker.delay = 0.1
    train(make_recording(tracker, tmp_path), tracker, range(10_000))
    assert 0.6 * tracker.now / 200 < tracker.calls * tracker.delay < 1.05 * tracker.now / 200


def test_curves_are_a_minute_old_at_most(tracker, tmp_path):
    tracker.delay = 5
    recording = make_recording(tracker, tmp_path)
    train(recording, tracker, range(2000))
    assert len(steps_of(tracker)) > 2000 - 601


def test_a_tracker_that_goes_away_costs_one_line_and_no_step(tracker, tmp_path, capsys):
    recording = make_recording(tracker, tmp_path)
    train(recording, tracker, range(100))
    tracker.down = True
    train(recording, tracker, range(100, 200))
    assert len(steps_of(tracker)) < 101
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "warning: tracking: unreliable: gone away; the run goes on"
    tracker.down = False
    recording.finish("finished")
    assert steps_of(tracker) == list(range(200))


def test_a_tracker_that_stays_away_is_asked_rarely_and_does_not_fail_the_run(tracker, tmp_path):
    recording = make_recording(tracker, tmp_path)
    tracker.down, tracker.delay = True, 30.0
    train(recording, tracker, range(10_000))
    assert tracker.calls == 1
    recording.finish("finished")
    assert not recording.attempt(lambda opened: opened.finish("failed"))


def test_steps_that_are_done_again_after_a_kill_are_not_recorded_again(tracker, tmp_path):
    train(make_recording(tracker, tmp_path), tracker, range(100))
    sent = len(tracker.points)
    assert 50 < sent < 100
    resumed = make_recording(tracker, tmp_path)
    train(resumed, tracker, range(50, 120))
    resumed.finish("finished")
    assert steps_of(tracker) == [*range(120)]


def test_another_run_gets_every_step(tracker, tmp_path):
    train(make_recording(tracker, tmp_path), tracker, range(100))
    tracker.run, tracker.points = "2", []
    again = make_recording(tracker, tmp_path)
    train(again, tracker, range(120))
    again.finish("finished")
    assert steps_of(tracker) == [*range(120)]


CONFIG = {
    "model": "recorded",
    "base": "some-base",
    "labels": ["no", "yes"],
    "datasets": [{"name": "toy", "path": "train.csv"}],
    "finetuning": {"epoch_max_tokens": [16, 32]},
    "tracking": {"to": "mlflow"},
}


def test_what_a_killed_run_had_not_sent_is_sent_when_it_goes_on(client, tmp_path):
    config = TrainConfig.model_validate(CONFIG)
    lines = [{"phase": "finetuning", "step": n, "loss": 1.0} for n in range(1, 30)]
    lines.insert(10, {"phase": "finetuning", "resumed_at": 5, "of": 29})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with record_run(config, tmp_path) as record:
        record.log({"phase": "finetuning", "step": 30, "loss": 0.5})
        record.log({"phase": "finetuning", "step": 30, "toy": 0.9})
    run = client.get_run(json.loads((tmp_path / "tracking.json").read_text())["mlflow"]["run"])
    history = client.get_metric_history(run.info.run_id, "finetuning/loss")
    assert [metric.step for metric in history] == list(range(1, 31))
    assert run.data.metrics["finetuning/toy"] == 0.9
    assert run.data.params["finetuning.epoch_max_tokens"] == "[16, 32]"
    assert run.data.params["datasets.0.path"] == "train.csv"
    assert len(read_training_log(tmp_path)) == 32


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (RuntimeError, "FAILED")]
)
def test_a_run_that_ends_early_is_recorded_as_such(client, tmp_path, error, status):
    config = TrainConfig.model_validate(CONFIG)
    with pytest.raises(error), record_run(config, tmp_path):
        raise error
    run = json.loads((tmp_path / "tracking.json").read_text())["mlflow"]["run"]
    assert client.get_run(run).info.status == status


def test_a_run_may_go_on_with_other_tracking():
    other = TrainConfig.model_validate(CONFIG | {"tracking": {"to": "none"}})
    assert other.model_dump_json() == TrainConfig.model_validate(CONFIG).model_dump_json()


def test_a_line_of_the_log_that_was_torn_is_passed_over(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"st{"step": 3}\n{"step": 4}\n')
    assert read_training_log(tmp_path) == [{"step": 1}, {"step": 4}]


def test_nothing_is_written_for_no_tracker(tmp_path):
    config = TrainConfig.model_validate(CONFIG | {"tracking": {"to": "none"}})
    with record_run(config, tmp_path) as record:
        record.log({"phase": "finetuning", "step": 1, "loss": 0.5})
        record.results({"toy": {"accuracy": 1.0}}, [])
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.fixture(scope="module")
def window():
    """Six hundred texts of production, shorter than they were."""
    return a_check(a_log(600, seed=3, tokens=20, right=0.9))


def test_mlflow_has_a_window_of_production_next_to_the_training_runs(client, tmp_path, window):
    run = client.get_run(track(window, "mlflow", tmp_path))
    experiment = client.get_experiment(run.info.experiment_id)
    assert (experiment.name, run.info.status) == ("sentiment", "FINISHED")
    assert run.data.tags["job_type"] == "inference"
    assert client.get_run(open_run().run).data.tags["job_type"] == "training"
    assert run.data.params["version"] == window.version
    assert run.data.metrics["production/drift"] == 1
    course = client.get_metric_history(run.info.run_id, "production/course/psi_tokens")
    assert [each.step for each in course] == [0, 1, 2, 3, 4, 5]
    plots = {Path(each.path).stem for each in client.list_artifacts(run.info.run_id, "plots")}
    assert plots == {"labels", "score", "tokens", "tokens_per_word", "course"}
    kept = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert {"report.html", "report.json"} <= kept


def test_wandb_keeps_a_window_of_production_until_there_is_a_network(tmp_path, monkeypatch, window):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    run = track(window, "wandb", tmp_path)
    (folder,) = tmp_path.glob(f"wandb/offline-run-*-{run}")
    page = (tmp_path / run / "report.html").read_text()
    assert (folder / "files/report.html").read_text() == page
    assert len([*folder.rglob("*.png")]) == 5
    records = finished_records(folder / f"run-{run}.wandb")
    assert [each.run.job_type for each in records if each.HasField("run")] == ["inference"]


def test_a_window_of_production_that_a_tracker_does_not_take_is_an_error(
    tmp_path, monkeypatch, window
):
    monkeypatch.setattr("scripts.report.open_tracker", lambda *_, **__: Unreliable(down=True))
    with pytest.raises(TrackingError, match="unreliable: gone away"):
        track(window, "mlflow", tmp_path)
