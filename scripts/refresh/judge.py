"""One revision of a source: fetched, imported, judged, and published where it passes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from function.core.artifact import Artifact
from scripts.common.errors import LostRaceError
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden
from scripts.gate.report import render_markdown, to_json
from scripts.gate.settings import load_gate_settings
from scripts.refresh.import_model import import_model
from scripts.refresh.sources.source import Revision, Source
from scripts.refresh.verdicts import Verdict
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import CANDIDATE, PRODUCTION, Registry


def judge_revision(
    registry: Registry,
    model: str,
    source: Source,
    revision: Revision,
    champion: str | None,
    gate_settings: Path | None,
    scratch: Path,
    say: Callable[[str], None],
    *,
    withdrawn: tuple[str, ...],
) -> tuple[Verdict, str]:
    """Fetch, import, judge; publish what passed. Returns the verdict and its page for people.

    champion: the version in production, None for a first model. withdrawn: versions that are
    refused unseen, because they were rolled back. Raises LostRaceError where production moved.
    """
    settings = load_gate_settings(gate_settings)
    golden_digest, content = current_golden(registry.store, model)
    golden = parse_golden(content)
    artifact = _imported_before(registry, model, revision, scratch / "before")
    if artifact is None:
        say(f"fetching {revision}")
        fetched = source.fetch(revision, _folder(scratch / "fetched"))
        artifact = import_model(fetched, model, golden.texts, scratch / "artifact", revision)
    version, digest = artifact.version, artifact.digest

    def verdict(outcome: str, reasons: list[str], report: dict[str, Any]) -> Verdict:
        return Verdict(
            revision.source,
            revision.revision,
            outcome,
            reasons,
            version,
            digest,
            champion,
            golden_digest,
            report,
        )

    if artifact.version == champion:
        return verdict("passed", ["it is the version in production"], {}), ""
    if artifact.version in withdrawn:
        why = f"{artifact.version} was rolled back: it needs a person and --retry to come again"
        return verdict("refused", [why], {}), ""
    say(f"judging {artifact.version} against {champion or 'absolute floors: it is the first'}")
    held = registry.download(model, champion, scratch / "champion").path if champion else None
    judgement = run_gate(artifact.path, held, golden, settings)
    page = render_markdown(judgement)  # before publishing, which nothing that fails may follow
    if judgement.outcome == "passed":
        _publish(registry, artifact, champion, str(revision), say)
    return verdict(judgement.outcome, list(judgement.reasons), to_json(judgement)), page


def _imported_before(
    registry: Registry, model: str, revision: Revision, folder: Path
) -> Artifact | None:
    """The version that a checkpoint's revision became in an earlier run, if it came so far: made
    again it would be another version, since a manifest tells when it was made.
    """
    for version in reversed(registry.versions(model)):
        told = registry.describe(model, version).manifest.provenance
        if (told.get("base"), told.get("revision")) == (revision.source, revision.revision):
            return registry.download(model, version, folder)
    return None


def _publish(
    registry: Registry,
    artifact: Artifact,
    champion: str | None,
    revision: str,
    say: Callable[[str], None],
) -> None:
    model = artifact.manifest.model
    say(f"publishing {artifact.version}")
    version = registry.publish(artifact)
    production = registry.alias(model, PRODUCTION)
    if (production.version if production else None) != champion:
        raise LostRaceError(
            f"{model}: production moved while {version} was judged against {champion}; run again"
        )
    registry.promote(model, version, f"passed the gate as {revision}", CANDIDATE)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
