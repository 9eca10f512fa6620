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

from scripts.refresh.sources.source import Source
from scripts.refresh.updates import look
from scripts.refresh.verdicts import Verdict, keep_verdict
from scripts.registry.registry import Registry

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
    found = look(registry, model, source)
    revision, production = found.revision, found.production
    champion = production.version if production else None
    if revision is None:
        return _nothing_new(model, "", None, champion, found.why_not)
    if found.known and not retry:
        return _nothing_new(
            model, revision.source, revision.revision, champion, found.why_not, found.known
        )
    withdrawn = production.withdrawn if production else ()
    # Imported here, where there is something new: a look that finds nothing must cost seconds.
    from scripts.refresh.judge import judge_revision

    with TemporaryDirectory() as scratch:
        verdict, page = judge_revision(
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
