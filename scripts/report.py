"""Record a window of production at MLflow or W&B, where the runs are that trained the model.

The run is of job type `inference` and holds what scripts.drift would say, with its pictures.
"""

from pathlib import Path

from scripts.common.command_line import run
from scripts.drift.check import look_at, window_parser
from scripts.drift.tracked import track
from scripts.drift.wording import headline


def main() -> None:
    parser = window_parser("scripts.report", __doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--to", choices=("mlflow", "wandb"), default="mlflow")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/tracking"),
        metavar="DIR",
        help="where the report lies, and what W&B has not sent yet",
    )
    arguments = parser.parse_args()
    found = look_at(arguments, arguments.model)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print(f"{arguments.to} run {track(found, arguments.to, arguments.folder)}")
    print(headline(found.model, found.verdict))


if __name__ == "__main__":
    run(main)
