"""From the newest revision of a source to a candidate, or to a reason why not.

    newest revision ── nothing new? ──> done, and nothing was downloaded
          │
        fetch ──> import as an artifact ──> gate against the champion ──> publish ──> `candidate`
                                                  │
                                               refused: the verdict is kept, nothing moves

The verdict is written last: a refresh that was killed begins again, and every step before it
changes nothing when it is done twice.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from function.core.artifact import Artifact
from scripts.lifecycle.errors import LostRaceError
from scripts.lifecycle.golden_sets import current_golden
from scripts.lifecycle.registry import CANDIDATE, PRODUCTION, Registry
from scripts.lifecycle.sources.source import Revision, Source
from scripts.lifecycle.verdicts import Verdict, find_verdict, keep_verdict

Say = Callable[[str], None]


@dataclass(frozen=True)
class Refresh:
    """What happened.

    changed: whether `candidate` moved to `version`. previous: the champion. verdict: `passed`,
    `refused`, `underpowered`, or `nothing new`. decided: whether the gate was asked in this run.
    report: the gate's, in Markdown; empty where it was not asked.
    """

    model: str
    source: str
    revision: str | None
    changed: bool
    version: str | None
    digest: str | None
    previous: str | None
    verdict: str
    reasons: list[str]
    decided: bool
    report: str

    def document(self) -> dict[str, Any]:
        """For workflows: everything but the page for people."""
        return {name: value for name, value in asdict(self).items() if name != "report"}


def refresh(
    registry: Registry,
    model: str,
    source: Source,
    *,
    gate_settings: Path | None,
    retry: bool,
    say: Say,
) -> Refresh:
    """Try the newest revision of a source. retry: also one that was judged before.

    Raises SourceError, RegistryError, LostRaceError; what was refused is a result, no error.
    """
    say("looking for a newer revision")
    revision = source.newest()
    production = registry.alias(model, PRODUCTION)
    champion = production.version if production else None
    if revision is None:
        return _nothing_new(model, "", None, champion, "the source has nothing newer")
    known = find_verdict(registry.store, model, str(revision))
    if known and not retry:
        said = f"{revision} was judged on {known.decided_at}: {known.outcome}"
        return _nothing_new(model, revision.source, revision.revision, champion, said, known)
    withdrawn = production.withdrawn if production else ()
    with TemporaryDirectory() as scratch:
        verdict, page = _judge(
            registry,
            model,
            source,
            revision,
            champion,
            gate_settings,
            Path(scratch),
            say,
            withdrawn=() if retry else withdrawn,
        )
    keep_verdict(registry.store, model, verdict)
    return Refresh(
        model,
        revision.source,
        revision.revision,
        changed=verdict.outcome == "passed" and verdict.version != champion,
        version=verdict.version,
        digest=verdict.digest,
        previous=champion,
        verdict=verdict.outcome,
        reasons=verdict.reasons,
        decided=True,
        report=page,
    )


def _judge(
    registry: Registry,
    model: str,
    source: Source,
    revision: Revision,
    champion: str | None,
    gate_settings: Path | None,
    scratch: Path,
    say: Say,
    *,
    withdrawn: tuple[str, ...],
) -> tuple[Verdict, str]:
    """Fetch, import, judge; publish what passed. Returns the verdict and its page."""
    # Only here, where there is something new: a look that finds nothing must cost seconds.
    from scripts.lifecycle.gate.golden import parse_golden
    from scripts.lifecycle.gate.report import render_markdown, to_json
    from scripts.lifecycle.gate.run import run_gate
    from scripts.lifecycle.gate.settings import load_gate_settings
    from scripts.lifecycle.importing import import_model

    settings = load_gate_settings(gate_settings)
    golden_digest, content = current_golden(registry.store, model)
    golden = parse_golden(content)
    say(f"fetching {revision}")
    fetched = source.fetch(revision, _folder(scratch / "fetched"))
    artifact = import_model(fetched, model, golden.texts, scratch / "artifact", revision)

    def verdict(outcome: str, reasons: list[str], report: dict[str, Any]) -> Verdict:
        return Verdict(
            revision.source,
            revision.revision,
            outcome,
            reasons,
            artifact.version,
            artifact.digest,
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
    if judgement.outcome == "passed":
        _publish(registry, artifact, champion, str(revision), say)
    page = render_markdown(judgement)
    return verdict(judgement.outcome, list(judgement.reasons), to_json(judgement)), page


def _publish(
    registry: Registry, artifact: Artifact, champion: str | None, revision: str, say: Say
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


def _nothing_new(
    model: str,
    source: str,
    revision: str | None,
    champion: str | None,
    why: str,
    known: Verdict | None = None,
) -> Refresh:
    return Refresh(
        model,
        source,
        revision,
        changed=False,
        version=known.version if known else champion,
        digest=known.digest if known else None,
        previous=champion,
        verdict="nothing new",
        reasons=[why],
        decided=False,
        report="",
    )


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
