"""A window looked at: what it is read from, compared with, and what came out."""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.common.command_line import registry_parser, write_json
from scripts.common.errors import RegistryError
from scripts.drift.distributions import Reference, reference_of_log, reference_of_manifest
from scripts.drift.prediction_log import PredictionLog, Window, parse_window, read_log
from scripts.drift.report import document, draw, page
from scripts.drift.timeline import Slice, timeline
from scripts.drift.verdict import Verdict, judge
from scripts.registry.registry import PRODUCTION, open_registry


@dataclass(frozen=True)
class Look:
    """One model's window beside its reference."""

    model: str
    version: str
    reference: Reference
    log: PredictionLog

    @cached_property
    def verdict(self) -> Verdict:
        return judge(self.reference, self.log)

    @cached_property
    def slices(self) -> list[Slice]:
        return timeline(self.reference, self.log)

    @cached_property
    def document(self) -> dict[str, Any]:
        return document(
            self.model, self.version, self.reference, self.log, self.verdict, self.slices
        )

    def write(self, folder: Path) -> dict[str, Path]:
        """`report.html`, `report.json` and the pictures; returns the pictures."""
        pictures = draw(self.reference, self.verdict, self.slices, folder)
        write_json(self.document, folder / "report.json")
        (folder / "report.html").write_text(page(self.document, pictures), encoding="utf-8")
        return pictures


def look(
    registry: str, model: str, where: str, window: Window, reference: str | None = None
) -> Look:
    """Read a window of what the version in production answered, and its reference.

    reference: a log of good traffic, all of it; None takes the manifest's profile. Raises
    RegistryError where nothing is in production, UsageError where a log is not there.
    """
    opened = open_registry(registry)
    alias = opened.alias(model, PRODUCTION)
    if alias is None:
        raise RegistryError(f"{model}: nothing is in production; promote a version first")
    manifest = opened.describe(model, alias.version).manifest
    everything = read_log(where, window, model)
    log = everything.of_version(alias.version)
    if others := len(everything) - len(log):
        _say(f"{others:,} predictions of other versions than {alias.version} are left out")
    if log.damaged:
        _say(f"{log.damaged:,} damaged lines are left out")
    if reference is None:
        return Look(model, alias.version, reference_of_manifest(manifest, alias.version), log)
    good = read_log(reference, Window(None, window.until), model)
    if set(good.versions) - {alias.version}:
        _say(f"{reference}: answered by other versions too, which may score otherwise")
    return Look(model, alias.version, reference_of_log(good, reference), log)


def _say(what: str) -> None:
    print(what, file=sys.stderr)


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
