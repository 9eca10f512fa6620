"""Measure the drift check on held-back reviews and on planted drift, and write a part of a page.

The reference is the part of the training file that the model did not train on, as if it were the
first healthy week. Texts are answered once and kept in CACHE: about 15 minutes on one core.
"""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run
from scripts.common.markdown import replace_part

with needing("make tools"):
    from function.core.artifact import open_artifact
    from scripts.drift.distributions import reference_of_log, reference_of_manifest
    from scripts.drift.prediction_log import PredictionLog, TimeRange, read_log
    from tests.drift_experiments.experiments import (
        experiment,
        experiments_page,
        planted_cases,
        quiet_cases,
    )
    from tests.drift_experiments.traffic import cached_log, known_traffic

PART = "measured by tests.drift_experiments"
MODELS = Path("build/models/sentiment")


def main() -> None:
    parser = command_parser("tests.drift_experiments", __doc__)
    parser.add_argument("--artifact", type=Path, default=MODELS, help="a folder with a manifest")
    parser.add_argument("--data", type=Path, required=True, help="a folder with imdb/ and sst2/")
    parser.add_argument("--cache", type=Path, default=Path("build/drift"))
    parser.add_argument("--page", type=Path, default=Path("docs/drift.md"))
    arguments = parser.parse_args()
    logs = _logs(arguments.artifact, arguments.data, arguments.cache)
    reference = reference_of_log(logs["validation"], "a log of held-back reviews")
    artifact = open_artifact(arguments.artifact)
    profile = reference_of_manifest(artifact.manifest, artifact.version)
    quiet = {
        reference.name: [experiment(reference, case) for case in quiet_cases(logs)],
        "the manifest's profile": [experiment(profile, next(quiet_cases(logs)))],
    }
    planted = [experiment(reference, case) for case in planted_cases(logs)]
    command = shlex.join(["python", "-m", "tests.drift_experiments", "--data", "DATA"])
    text = experiments_page(reference, quiet, planted, command)
    arguments.page.write_text(replace_part(arguments.page, PART, text), encoding="utf-8")
    print(text)


def _logs(folder: Path, data: Path, cache: Path) -> dict[str, PredictionLog]:
    artifact = open_artifact(folder)
    always, model = TimeRange(None, datetime.now(UTC)), artifact.manifest.model
    return {
        traffic.name: read_log(
            str(cached_log(traffic, folder, cache / artifact.version)), always, model
        )
        for traffic in known_traffic(artifact, data)
    }


if __name__ == "__main__":
    run(main)
