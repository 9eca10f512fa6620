"""Measure a model on texts with the truth: an artifact, by the code that serves it, or a service.

The truth is a label each where the model classifies texts, a list of `labels` where it gives them
several, a `score` where it gives a number, a `positive` and a `negative` text where it embeds,
their entities where it finds those: CoNLL columns, or JSON lines and Parquet of `text` and
`entities`.
"""

import argparse
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run, write_json
from scripts.common.errors import UsageError

with needing("make tools"):
    from scripts.evaluate.measure import measure_artifact, measure_service


def main() -> None:
    arguments = _arguments()
    if arguments.agreement and arguments.backend != "torch":
        raise UsageError("--agreement is torch's with the ONNX graph: add --backend torch")
    if arguments.model and not arguments.url:
        raise UsageError("--model names one that a service serves: give --url")
    report = (measure_service if arguments.url else measure_artifact)(arguments)
    write_json(report, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.evaluate", __doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--artifact", type=Path, help="a folder with a manifest")
    what.add_argument(
        "--url", help="a running service; EVERGREEN_API_KEY is sent as its bearer key"
    )
    parser.add_argument("--model", help="with --url: one that is served there, not the default")
    parser.add_argument("--data", type=Path, required=True, help="a file, or folders of a label")
    parser.add_argument("--text", help="the column of the text, `text` by default")
    parser.add_argument(
        "--text-pair", help="the column of the second text of pairs, `text_pair` by default"
    )
    parser.add_argument(
        "--label", help="the column of the truth, `label`, `labels` or `score` by default"
    )
    parser.add_argument("--encoding", metavar="NAME", help="of text files that are not UTF-8")
    parser.add_argument(
        "--renamed-label",
        action="append",
        type=_renaming,
        metavar="OLD=NEW",
        dest="renamed",
        help="a label of the file and its name in the model; repeatable",
    )
    parser.add_argument(
        "--documents",
        action="store_true",
        help="of entities: read the texts of a document as one",
    )
    parser.add_argument(
        "--cascade",
        choices=("auto", "off"),
        default="auto",
        help="off: the full model reads every text",
    )
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument(
        "--agreement",
        action="store_true",
        help="with --backend torch: also how often the ONNX graph gives the same label",
    )
    parser.add_argument(
        "--behaviour", action="store_true", help="also negation, short and neutral sentences"
    )
    parser.add_argument(
        "--highlights",
        type=int,
        metavar="N",
        help="also explain N of the texts, and see that the highlighted words matter",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _renaming(value: str) -> tuple[str, str]:
    old, _, new = value.partition("=")
    if not old or not new:
        raise argparse.ArgumentTypeError(f"{value}: give OLD=NEW")
    return old, new


if __name__ == "__main__":
    run(main)
