"""Score all rows of a file: here, by a service, or by a stage's state machine on AWS.

A killed run resumes when the same command is run again. Rows that cannot be scored go to
OUTPUT.rejected.jsonl, with the reason. A service's key is read from EVERGREEN_API_KEY.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.common.command_line import command_parser, needing, run
from scripts.common.errors import CommandError
from scripts.common.progress import log

with needing("make run"):
    from scripts.data.lines import suggest_encoding
    from scripts.score.rows import Scorer
    from scripts.score.run import Files, open_files, score_file


def main() -> None:
    arguments = _arguments()
    files = Files(
        arguments.input,
        arguments.output,
        arguments.text,
        arguments.prefix,
        arguments.encoding,
        arguments.keep_rejected,
        arguments.text_pair,
    )
    source = open_files(files)
    counted = score_file(files, source, _scorer(arguments))
    versions = "".join(f", {count:,} by {version}" for version, count in counted.versions.items())
    side = f" (see {files.rejected})" * bool(counted.rejected)
    log(f"{counted.scored:,} scored{versions}; {counted.rejected:,} rejected{side}")
    if counted.not_encoded:
        log(f"{counted.not_encoded:,} of them are not UTF-8{suggest_encoding(files.source)}")
    if counted.rejected and not counted.scored:
        raise CommandError(f"{files.source}: not one row could be scored")
    print(files.output)


def _scorer(arguments: argparse.Namespace) -> Scorer:
    # Each branch imports what the others do not need.
    if arguments.stage:
        from scripts.score.deployed import open_deployed

        return open_deployed(arguments.stage, arguments.model)
    if arguments.url:
        from scripts.common.service_client import ServiceClient
        from scripts.score.remote import RemoteModel

        return RemoteModel(ServiceClient(arguments.url, arguments.model), arguments.requests)
    from scripts.score.local import open_local

    return open_local(arguments.model, cascade=arguments.cascade != "off")


def _arguments() -> argparse.Namespace:
    parser = command_parser("scripts.score", __doc__)
    formats = ".csv, .tsv, .jsonl or .parquet"
    parser.add_argument("--input", required=True, type=Path, metavar="FILE", help=formats)
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help=formats)
    parser.add_argument(
        "--model", help="one of MODELS_DIR or of the service, or an artifact's folder"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="a running service, instead of a model on this machine")
    where.add_argument("--stage", help="a deployed stage with bulk scoring")
    parser.add_argument(
        "--text", default="text", metavar="COLUMN", help="the column with the texts"
    )
    parser.add_argument(
        "--text-pair",
        metavar="COLUMN",
        help="the column with the second texts, for a model that reads pairs; not with --stage",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of a text file that is not UTF-8 and has no byte order mark, for example cp1252",
    )
    parser.add_argument(
        "--keep-rejected",
        action="store_true",
        help="leave rows that cannot be scored in the output, with empty answers",
    )
    parser.add_argument(
        "--cascade",
        choices=("auto", "off"),
        default="auto",
        help="off: the full model reads every text; on this machine only",
    )
    parser.add_argument("--prefix", default="", help="beginning of the names of the added columns")
    parser.add_argument(
        "--requests", type=int, default=8, metavar="N", help="to a service at a time (8)"
    )
    arguments = parser.parse_args()
    if arguments.requests < 1:
        parser.error("--requests: at least one")
    if arguments.cascade == "off" and (arguments.url or arguments.stage):
        parser.error("--cascade: a service answers as it is configured")
    if arguments.text_pair and arguments.stage:
        parser.error("--text-pair: a stage scores files of single texts; give --url")
    return arguments


if __name__ == "__main__":
    run(main)
