"""Record a drift check at MLflow or W&B, where the runs are that trained the model.

The run has job type `inference` and holds the report of scripts.drift, with its pictures.
"""

from pathlib import Path

from scripts.common.command_line import run
from scripts.drift.check import check_model, check_parser
from scripts.drift.tracked import track
from scripts.drift.wording import headline


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
