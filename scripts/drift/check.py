"""The drift check of one model: a window of its log compared with a reference."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.common import progress
from scripts.common.command_line import write_json
from scripts.common.errors import RegistryError
from scripts.drift.distributions import Reference, reference_of_log, reference_of_manifest
from scripts.drift.prediction_log import PredictionLog, TimeRange, parse_time_range, read_log
from scripts.drift.report import build_document, draw_pictures, render_page
from scripts.drift.timeline import TimeSlice, slice_window
from scripts.drift.verdict import DriftVerdict, judge_drift
from scripts.registry.registry import PRODUCTION, open_registry


@dataclass(frozen=True)
class DriftCheck:
    """One model's window and its reference, and what follows from comparing them."""

    model: str
    version: str
    reference: Reference
    log: PredictionLog

    @cached_property
    def verdict(self) -> DriftVerdict:
        return judge_drift(self.reference, self.log)

    @cached_property
    def slices(self) -> list[TimeSlice]:
        return slice_window(self.reference, self.log)

    @cached_property
    def document(self) -> dict[str, Any]:
        return build_document(
            self.model, self.version, self.reference, self.log, self.verdict, self.slices
        )

    def write(self, folder: Path) -> dict[str, Path]:
        """Write `report.html`, `report.json` and the pictures; return the pictures."""
        pictures = draw_pictures(self.reference, self.verdict, self.slices, folder)
        write_json(self.document, folder / "report.json")
        html = render_page(self.document, pictures)
        (folder / "report.html").write_text(html, encoding="utf-8")
        return pictures


def check_model(arguments: argparse.Namespace, model: str) -> DriftCheck:
    """Read what the version in production answered, and its reference.

    Takes the arguments of `check_parser`. Raises RegistryError if nothing is in production,
    UsageError if a log is not there or an argument makes no sense, StoreError if a log or the
    registry cannot be read.
    """
    time_range = parse_time_range(arguments.since, arguments.until, datetime.now(UTC))
    registry = open_registry(arguments.registry)
    alias = registry.alias(model, PRODUCTION)
    if alias is None:
        raise RegistryError(f"{model}: nothing is in production; promote a version first")
    manifest = registry.describe(model, alias.version).manifest
    everything = read_log(arguments.log, time_range, model)
    log = everything.of_version(alias.version)
    if others := len(everything) - len(log):
        progress.log(f"{others:,} predictions of other versions than {alias.version} are left out")
    if log.damaged:
        progress.log(f"{log.damaged:,} damaged lines are left out")
    where: str | None = arguments.reference
    if where is None:
        return DriftCheck(model, alias.version, reference_of_manifest(manifest, alias.version), log)
    good = read_log(where, TimeRange(None, time_range.until), model)
    if set(good.versions) - {alias.version}:
        progress.log(f"{where}: answered by other versions too, which may score otherwise")
    return DriftCheck(model, alias.version, reference_of_log(good, where), log)
