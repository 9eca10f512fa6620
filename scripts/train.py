"""Train a model as one configuration file says, and export it as an artifact.

OUTPUT/artifact is the result; OUTPUT/config.json and OUTPUT/report.json say how it was made and
what was measured; OUTPUT/log.jsonl holds every step, and OUTPUT/plots pictures of all that. The
tracker of the configuration gets them too. Run it again after it was killed and it goes on where
it was.
"""

import argparse
import json
from pathlib import Path

from scripts.commandline import run
from scripts.lifecycle.errors import UsageError
from scripts.training.assemble import assemble
from scripts.training.config import TrainConfig, load_config
from scripts.training.corpus import load_corpus
from scripts.training.finetune import finetune
from scripts.training.plots import draw_plots
from scripts.training.record import read_log, record_run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.train", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a TOML file")
    parser.add_argument("--data", type=Path, default=Path(), help="a folder, or one data file")
    parser.add_argument("--base", help="a checkpoint: hub id or folder, instead of the configured")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    _keep_config(config, output / "config.json")
    used = config.model_copy(update={"base": arguments.base or config.base})
    corpus = load_corpus(config, arguments.data)
    with record_run(used, output) as record:
        trained = finetune(used, corpus, arguments.data, output, record.log)
        report, evaluations = assemble(config, corpus, trained, arguments.data, output)
        (output / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        for name, rows in corpus.test.items():
            _write_rows(output / f"{name}-test.jsonl", rows.texts, rows.labels)
        plots = draw_plots(read_log(output), evaluations, config.labels, output / "plots")
        record.results(report["after_calibration"], plots)
    print(json.dumps(report["after_calibration"], indent=1))


def _keep_config(config: TrainConfig, path: Path) -> None:
    """Save the settings; refuse to go on with a run that other settings began."""
    content = config.model_dump_json(indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != content:
        raise UsageError(
            f"{path.parent} holds a run with other settings: give another --output or remove it"
        )
    path.write_text(content, encoding="utf-8")


def _write_rows(path: Path, texts: list[str], labels: list[int]) -> None:
    """A held-out part as a file that `scripts.evaluate` reads."""
    with path.open("w", encoding="utf-8") as lines:
        for text, label in zip(texts, labels, strict=True):
            lines.write(json.dumps({"text": text, "label": label}) + "\n")


if __name__ == "__main__":
    run(main)
