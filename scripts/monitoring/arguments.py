"""The arguments of every command that looks at a window of the log, but for whose log it is."""

import argparse
from datetime import UTC, datetime

from scripts.common.command_line import registry_parser
from scripts.monitoring.watching import Look, look
from scripts.monitoring.window import parse_window


def window_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    parser = registry_parser(module, description)
    add_log(parser)
    parser.add_argument(
        "--reference",
        metavar="LOG",
        help="a log of good traffic, such as the first healthy week, in place of the profile in "
        "the manifest",
    )
    return parser


def add_log(parser: argparse.ArgumentParser) -> None:
    """Which log, and from when to when."""
    parser.add_argument(
        "--log",
        required=True,
        metavar="WHERE",
        help="of predictions: a file of lines or Parquet, a folder, or s3://bucket/prefix",
    )
    parser.add_argument("--since", metavar="TIME", help="24h, 7d, or a time; the first by default")
    parser.add_argument("--until", metavar="TIME", help="the same; now by default")


def look_at(arguments: argparse.Namespace, model: str) -> Look:
    """Raises UsageError, RegistryError and StoreError as `look` does."""
    window = parse_window(arguments.since, arguments.until, datetime.now(UTC))
    return look(arguments.registry, model, arguments.log, window, arguments.reference)
