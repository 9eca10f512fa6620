"""Train a model as one configuration file says, and export it as an artifact.

It gives a text one label, with `head = "sigmoid"` several, or finds entities: a CRF, or "argmax".
OUTPUT/artifact is the result; OUTPUT/config.json and OUTPUT/report.json say how it was made and
what was measured; OUTPUT/log.jsonl holds every step, and OUTPUT/plots pictures of all that. The
tracker of the configuration gets them too. Run it again after it was killed and it goes on where
it was; with other [serving] or [evaluation] it exports what was trained again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import UsageError

with needing("make tools"):
    from pydantic import ValidationError

    from scripts.train.architectures.architecture import load_architecture
    from scripts.train.assemble import assemble, start
    from scripts.train.config import TrainConfig, load_config
    from scripts.train.distillation import recorded_teachers, teach
    from scripts.train.manifest import recorded_base
    from scripts.train.record import LOG, TRACKED, flat_settings, record_run

CONFIG = "config.json"
# Settings that the trained model does not depend on: an export is made again with others.
EXPORTED = ("serving.", "evaluation.", "licenses.", "checkpoint_minutes:")
NAMED = 3  # changed settings that an error names before it counts the rest


def main() -> None:
    arguments = _arguments()
    given = [f"encoding={arguments.encoding}"] if arguments.encoding else []
    config = load_config(arguments.config, [*given, *arguments.set])
    architecture = load_architecture(config.architecture)
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    _keep_config(config, output / CONFIG)
    base = arguments.base or config.base
    used = config.model_copy(update={"base": base})
    changes = {
        "base": recorded_base(config.base, base),
        "distillation": recorded_teachers(config.distillation),
    }
    recorded = config.model_copy(update=changes)
    with record_run(used, output) as record:
        run = start(recorded, arguments.data, output, record.log)
        run = replace(run, teaching=teach(replace(run, config=used)))
        report, plots = assemble(run, architecture.train(replace(run, config=used)))
        (output / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        record.results(report["after_calibration"] | report.get("spread", {}), plots)
    print(json.dumps(report["after_calibration"], indent=1))


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.train", __doc__)
    parser.add_argument("--config", type=Path, required=True, help="a TOML file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="in place of what the file says, as finetuning.learning_rate=1e-3; repeatable",
    )
    parser.add_argument("--data", type=Path, default=Path(), help="a folder, or one data file")
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    parser.add_argument("--base", help="a checkpoint: hub id or folder, instead of the configured")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    return parser.parse_args()


def _keep_config(config: TrainConfig, path: Path) -> None:
    """Save the settings; refuse to go on with a run that other settings trained."""
    if path.exists() and _has_begun(path.parent):
        # A text that is evaluated on is taken out of those that a teacher answers.
        free = tuple(name for name in EXPORTED if name != "evaluation." or not config.distillation)
        changed = [change for change in _changes(path, config) if not change.startswith(free)]
        if changed:
            more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
            raise UsageError(
                f"{path.parent} holds a run with other settings: {'; '.join(changed[:NAMED])}"
                f"{more}. Give another --output, or remove that folder"
            )
    path.write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _has_begun(output: Path) -> bool:
    """Return whether a run left more than its settings: a tokenizer, steps, checkpoints."""
    left = [path for path in output.iterdir() if path.name not in (CONFIG, TRACKED)]
    return any(path.name != LOG or path.stat().st_size for path in left)


def _changes(path: Path, config: TrainConfig) -> list[str]:
    """Return the settings that differ from those kept, with both values."""
    try:
        kept = flat_settings(TrainConfig.model_validate_json(path.read_bytes()))
    except ValidationError:  # of an older version, or torn by a full disk
        kept = {}
    given = flat_settings(config)
    return [
        f"{name}: {kept.get(name, 'not set')} before, {given.get(name, 'not set')} now"
        for name in kept | given
        if kept.get(name) != given.get(name) and not name.startswith("tracking.")
    ]


if __name__ == "__main__":
    run(main)
