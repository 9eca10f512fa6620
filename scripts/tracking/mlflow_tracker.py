"""Runs in MLflow: in a SQLite file of the current folder, or where MLFLOW_TRACKING_URI says."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from scripts.tracking.tracker import Point, Status

SQLITE = "sqlite:///"
DATABASE = f"{SQLITE}mlflow.db"
# MLflow takes no more in one call.
METRICS_A_CALL = 1000
PARAMETERS_A_CALL = 100
JOB_TYPE = "job_type"  # the name that W&B has for it
STATUSES: dict[Status, str] = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}


class MlflowTracker:
    """One run of an experiment."""

    kind = "mlflow"

    def __init__(self, client: MlflowClient, run: str) -> None:
        self._client, self.run = client, run

    def parameters(self, values: Mapping[str, str]) -> None:
        """See `Tracker`. MLflow changes no parameter: the new value of one becomes a tag."""
        known = self._client.get_run(self.run).data.params
        allowed = {_replace_refused(name): value for name, value in values.items()}
        parameters = [Param(name, value) for name, value in allowed.items() if name not in known]
        for name in known.keys() & allowed.keys():
            if known[name] != allowed[name]:
                self._client.set_tag(self.run, name, allowed[name])
        for start in range(0, len(parameters), PARAMETERS_A_CALL):
            some = parameters[start : start + PARAMETERS_A_CALL]
            self._client.log_batch(self.run, params=some)

    def metrics(self, points: Sequence[Point]) -> None:
        """See `Tracker`. A point that is sent again, with the same time, is kept once."""
        metrics = [
            Metric(_replace_refused(point.name), point.value, round(point.time * 1000), point.step)
            for point in points
        ]
        for start in range(0, len(metrics), METRICS_A_CALL):
            self._client.log_batch(self.run, metrics=metrics[start : start + METRICS_A_CALL])

    def picture(self, path: Path) -> None:
        self._client.log_artifact(self.run, str(path), "plots")

    def file(self, path: Path) -> None:
        self._client.log_artifact(self.run, str(path))

    def model(self, path: Path, name: str, *, register: bool) -> None:
        self._client.log_artifacts(self.run, str(path), path.name)
        if register:
            self._register(f"runs:/{self.run}/{path.name}", name)

    def finish(self, status: Status) -> None:
        self._client.set_terminated(self.run, STATUSES[status])

    def _register(self, source: str, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        self._client.create_model_version(name, source, self.run)


def open_mlflow(experiment: str, name: str, run: str | None, job: str) -> MlflowTracker:
    """Open `run` again, or begin one called `name` where there is none or it was deleted.

    Errors of its database or server are MLflow's own.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI") or DATABASE
    client = MlflowClient(tracking_uri=address)
    if run and _exists(client, run):
        client.update_run(run, status="RUNNING")
        return MlflowTracker(client, run)
    found = client.get_experiment_by_name(experiment)
    group = found.experiment_id if found else _create(client, experiment, address)
    begun = client.create_run(group, run_name=name, tags={JOB_TYPE: job})
    return MlflowTracker(client, begun.info.run_id)


def _exists(client: MlflowClient, run: str) -> bool:
    try:
        return client.get_run(run).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _create(client: MlflowClient, experiment: str, address: str) -> str:
    """Create an experiment whose files lie by its database, not in the current folder."""
    location = None
    if address.startswith(SQLITE):
        database = Path(address.removeprefix(SQLITE).partition("?")[0])
        location = (database.resolve().parent / "mlruns").as_uri()
    return client.create_experiment(experiment, artifact_location=location)


def _replace_refused(name: str) -> str:
    """Replace the characters of a name that MLflow refuses."""
    return re.sub(r"[^\w. /-]", "_", name)
