"""Arguments of the commands that read the prediction log."""

import argparse

from scripts.common.command_line import registry_parser


def check_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a command that checks a window of the log for drift."""
    parser = registry_parser(module, description)
    add_log_arguments(parser)
    parser.add_argument(
        "--reference",
        metavar="LOG",
        help="a log of good traffic, such as the first healthy week, in place of the profile in "
        "the manifest",
    )
    return parser


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a log and a time range."""
    parser.add_argument(
        "--log",
        required=True,
        metavar="WHERE",
        help="of predictions: a file of lines or Parquet, a folder, or s3://bucket/prefix",
    )
    parser.add_argument("--since", metavar="TIME", help="24h, 7d, or a time; the first by default")
    parser.add_argument("--until", metavar="TIME", help="the same; now by default")
