"""Record a drift check at MLflow or W&B, where the runs are that trained the model.

The run has job type `inference` and holds the report of scripts.drift, with its pictures.
"""

from __future__ import annotations

from pathlib import Path

from scripts.common.command_line import needing, run
from scripts.common.errors import one_line
from scripts.drift.arguments import check_parser

with needing("make tools"):
    import numpy as np

    from scripts.drift.check import DriftCheck, check_model
    from scripts.drift.cloudwatch import metric_values
    from scripts.drift.distributions import FEATURES
    from scripts.drift.wording import headline
    from scripts.tracking import open_tracker
    from scripts.tracking.tracker import Point, Tracker, TrackerChoice, TrackingError

JOB = "inference"
PART = "production"  # where the names of training's metrics have a data set


def track(check: DriftCheck, choice: TrackerChoice, folder: Path) -> str:
    """Record metrics, their course in time, pictures and report; return the run's id.

    A tracker may keep files in `folder`; the report goes there too, under the run's id. Raises
    MissingExtraError if the tracker is not installed, TrackingError if it cannot be reached or
    refuses.
    """
    name = f"{check.version}, {check.document['ended'] or 'nothing'}"
    tracker = open_tracker(choice, group=check.model, name=name, folder=folder, runs={}, job=JOB)
    try:
        # Into a folder that stays: offline, W&B keeps links to files, and sends them another day.
        _record(check, tracker, folder / tracker.run)
        tracker.finish("finished")
    except Exception as error:  # the libraries let errors of databases and of HTTP through
        raise TrackingError(f"tracking: {tracker.kind}: {one_line(error)}") from error
    return tracker.run


def _record(check: DriftCheck, tracker: Tracker, folder: Path) -> None:
    document = check.document
    tracker.parameters(
        {
            "version": check.version,
            "verdict": document["verdict"],
            "reference": document["reference"]["name"],
            "began": str(document["began"]),
            "ended": str(document["ended"]),
        }
    )
    tracker.metrics(
        [Point(f"{PART}/{name}", value, 0) for name, value in metric_values(document).items()]
    )
    tracker.metrics(_course(check))
    for picture in check.write(folder).values():
        tracker.picture(picture)
    for name in ("report.html", "report.json"):
        tracker.file(folder / name)


def _course(check: DriftCheck) -> list[Point]:
    """Return the distances of each slice of the window, at the time of its end."""
    return [
        Point(f"{PART}/course/psi_{feature}", each.effect(feature), step, each.ended.timestamp())
        for step, each in enumerate(check.slices)
        for feature in FEATURES
        if not np.isnan(each.effect(feature))
    ]


def main() -> None:
    parser = check_parser("scripts.report", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--to", choices=("mlflow", "wandb"), default="mlflow")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/tracking"),
        metavar="DIR",
        help="for the report, and for what W&B has not sent yet",
    )
    arguments = parser.parse_args()
    check = check_model(arguments, arguments.model)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print(f"{arguments.to} run {track(check, arguments.to, arguments.folder)}")
    print(headline(check.model, check.verdict))


if __name__ == "__main__":
    run(main)
