"""A window of production as a run at a tracker, beside the runs that trained the model."""

from pathlib import Path

import numpy as np

from scripts.common.errors import one_line
from scripts.drift.check import Look
from scripts.drift.cloudwatch import metrics
from scripts.drift.distributions import FEATURES
from scripts.tracking.tracker import Point, Tracker, TrackerChoice, TrackingError, open_tracker

JOB = "inference"
PART = "production"  # of the names of figures, where those of training name their data set


def track(found: Look, choice: TrackerChoice, folder: Path) -> str:
    """Record figures, their course in time, pictures and report; returns the run's id.

    folder: where a tracker may keep files of its own; the report lies there too, under the run's
    id. Raises MissingExtraError where the tracker is not installed, TrackingError where it cannot
    be reached or refuses.
    """
    name = f"{found.version}, {found.document['ended'] or 'nothing'}"
    tracker = open_tracker(choice, group=found.model, name=name, folder=folder, runs={}, job=JOB)
    try:
        # Into a folder that stays: offline, W&B keeps links to files, and sends them another day.
        _record(found, tracker, folder / tracker.run)
        tracker.finish("finished")
    except Exception as error:  # the libraries let errors of databases and of HTTP through
        raise TrackingError(f"tracking: {tracker.kind}: {one_line(error)}") from error
    return tracker.run


def _record(found: Look, tracker: Tracker, folder: Path) -> None:
    document = found.document
    tracker.parameters(
        {
            "version": found.version,
            "verdict": document["verdict"],
            "reference": document["reference"]["name"],
            "began": str(document["began"]),
            "ended": str(document["ended"]),
        }
    )
    tracker.metrics(
        [Point(f"{PART}/{name}", value, 0) for name, value in metrics(document).items()]
    )
    tracker.metrics(_course(found))
    for picture in found.write(folder).values():
        tracker.picture(picture)
    for name in ("report.html", "report.json"):
        tracker.file(folder / name)


def _course(found: Look) -> list[Point]:
    """The distances of each slice of the window, at the time of its end."""
    return [
        Point(f"{PART}/course/psi_{feature}", each.effect(feature), step, each.ended.timestamp())
        for step, each in enumerate(found.slices)
        for feature in FEATURES
        if not np.isnan(each.effect(feature))
    ]
