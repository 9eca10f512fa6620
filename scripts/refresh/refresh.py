"""The refresh of a model: its source's newest revision becomes the candidate, or is refused.

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

from scripts.gate.outcome import GateOutcome
from scripts.refresh.sources.source import Source
from scripts.refresh.updates import UpdateCheck, check_for_update
from scripts.refresh.verdicts import RevisionVerdict, keep_verdict
from scripts.registry.registry import Registry


@dataclass(frozen=True)
class Refresh:
    """The result of one refresh."""

    model: str
    source: str  # of the revision, empty where there was none
    revision: str | None
    changed: bool  # whether `candidate` moved to `version`
    version: str | None  # that the revision became, or the champion where there was no revision
    digest: str | None  # of that version, where it is known
    previous: str | None  # the champion
    verdict: GateOutcome  # PASSED, REFUSED, UNDERPOWERED or NOTHING_NEW
    reasons: list[str]
    decided: bool  # whether the gate judged in this run
    report: str = ""  # the gate's page, in Markdown; empty where it did not judge

    @classmethod
    def of_check(cls, model: str, check: UpdateCheck) -> "Refresh":
        """Return the result where a check found nothing to judge."""
        revision, known = check.revision, check.verdict
        return cls(
            model=model,
            source=revision.source if revision else "",
            revision=revision.revision if revision else None,
            changed=False,
            version=known.version if known else check.champion,
            digest=known.digest if known else None,
            previous=check.champion,
            verdict=GateOutcome.NOTHING_NEW,
            reasons=[check.why_not],
            decided=False,
        )

    @classmethod
    def of_verdict(cls, model: str, verdict: RevisionVerdict, report: str) -> "Refresh":
        """Return the result where the gate judged."""
        passed = verdict.outcome is GateOutcome.PASSED
        return cls(
            model=model,
            source=verdict.source,
            revision=verdict.revision,
            changed=passed and verdict.version != verdict.champion,
            version=verdict.version,
            digest=verdict.digest,
            previous=verdict.champion,
            verdict=verdict.outcome,
            reasons=verdict.reasons,
            decided=True,
            report=report,
        )

    def document(self) -> dict[str, Any]:
        """Return everything but the page for people, for workflows."""
        return {name: value for name, value in asdict(self).items() if name != "report"}


def refresh(
    registry: Registry,
    model: str,
    source: Source,
    *,
    gate_settings: Path | None,
    retry: bool,
    say: Callable[[str], None],
) -> Refresh:
    """Try the newest revision of a source; with `retry` also one that was judged before.

    A refusal is a result, no error. Raises SourceError, RegistryError, LostRaceError.
    """
    say("asking for a newer revision")
    check = check_for_update(registry, model, source)
    if check.revision is None or (check.verdict and not retry):
        return Refresh.of_check(model, check)
    # Imported here, where there is something new: a check that finds nothing must cost seconds.
    from scripts.gate.settings import load_gate_settings
    from scripts.refresh.judge import RevisionJudge

    withdrawn = check.production.withdrawn if check.production and not retry else ()
    settings = load_gate_settings(gate_settings)
    judge = RevisionJudge(registry, model, check.champion, withdrawn, settings, say)
    with TemporaryDirectory() as scratch:
        verdict, report = judge.judge(source, check.revision, Path(scratch))
    keep_verdict(registry.store, model, verdict)
    return Refresh.of_verdict(model, verdict, report)
