"""Explore the data before training on them: one Markdown page with plots, and what they mean.

The data sets of the configuration are split as training splits them. PAGE's pictures go to the
folder `images` next to it.
"""

from __future__ import annotations

import argparse
import shlex
import tempfile
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import UsageError

with needing("make tools"):
    from function.core.tokenization import TextTokenizer
    from scripts.explore.page import write_report
    from scripts.explore.survey import read_survey
    from scripts.train.config import TrainConfig, load_config
    from scripts.train.corpus import load_corpus


def main() -> None:
    parser = command_parser("scripts.explore", __doc__)
    parser.add_argument("--config", type=Path, required=True, help="a TOML file")
    parser.add_argument("--data", type=Path, default=Path(), help="a folder, or one data file")
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    parser.add_argument(
        "--test",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=FILE",
        help="further files, labelled or not, in addition to the configuration's [evaluation]; "
        "NAME is a data set's, or one with more after a hyphen",
    )
    parser.add_argument("--base", help="a checkpoint: hub id or folder, instead of the configured")
    parser.add_argument("--output", type=Path, required=True, metavar="PAGE", help="a .md file")
    arguments = parser.parse_args()
    output: Path = arguments.output
    if output.suffix != ".md":
        raise UsageError(f"--output {output}: give the name of a .md file.")
    changes = [f"encoding={arguments.encoding}"] if arguments.encoding else []
    config = load_config(arguments.config, changes)
    if config.head != "softmax":
        raise UsageError(
            f"--config {arguments.config}: the page counts labels of texts, one each, and this "
            f"head is {config.head}; training reports what its data hold when it reads them"
        )
    if not arguments.data.exists():
        raise UsageError(f"--data {arguments.data}: no such file or folder.")
    tests = {file: name for name, file in config.evaluation.items()}
    tests |= {file: name for name, file in map(_named_file, arguments.test)}
    base = arguments.base or config.base
    tokenizer = _tokenizer(base) if base else _learnt_tokenizer(config, arguments.data)
    survey = read_survey(config, arguments.data, tests, tokenizer)
    write_report(survey, config, _command(arguments), tokenizer.vocabulary_size, output)
    print(output)


def _named_file(value: str) -> tuple[str, str]:
    name, _, file = value.partition("=")
    if not name or not file:
        raise UsageError(f"--test {value}: give NAME=FILE.")
    return name, file


def _tokenizer(base: str) -> TextTokenizer:
    """Load the checkpoint's tokenizer from its folder or, for a hub id, from the hub."""
    file = Path(base) / "tokenizer.json"
    if file.is_file():
        return TextTokenizer(file)
    from scripts.train.base_checkpoint import find_base, save_tokenizer

    with tempfile.TemporaryDirectory() as folder:
        return TextTokenizer(save_tokenizer(find_base(base), Path(folder)))


def _learnt_tokenizer(config: TrainConfig, data: Path) -> TextTokenizer:
    """Learn the word pieces that a model from scratch would learn from its training texts."""
    from scripts.train.architectures.lstm import LstmSettings
    from scripts.train.word_pieces import learn_word_pieces

    size = config.network.get("vocabulary", LstmSettings().vocabulary)
    return TextTokenizer(learn_word_pieces(load_corpus(config, data).train.texts, size))


def _command(arguments: argparse.Namespace) -> str:
    """Return the command without any path of the machine that it ran on."""
    words = ["python -m scripts.explore", "--config", _portable(arguments.config), "--data DATA"]
    if arguments.test:
        files = [_named_file(value) for value in arguments.test]
        words += ["--test", *(f"{name}={_portable(Path(f), arguments.data)}" for name, f in files)]
    if arguments.base:
        words.append(f"--base {'CHECKPOINT' if Path(arguments.base).exists() else arguments.base}")
    return " ".join([*words, "--output", _portable(arguments.output)])


def _portable(path: Path, folder: Path = Path()) -> str:
    """Return a relative path as it is, an absolute one relative to `folder`, or its name alone."""
    if path.is_absolute():
        inside = path.is_relative_to(folder.resolve())
        path = path.relative_to(folder.resolve()) if inside else Path(path.name)
    return shlex.quote(path.as_posix())


if __name__ == "__main__":
    run(main)
