"""The gate's verdict on each revision of a source, kept so that a refresh judges it once."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from scripts.common.errors import ConflictError, LostRaceError, RegistryError
from scripts.gate.outcome import GateOutcome
from scripts.registry import keys
from scripts.registry.documents import decode, encode, find_document, require_texts, write_document
from scripts.registry.stores.store import ObjectStore


@dataclass(frozen=True)
class RevisionVerdict:
    """One decision of the gate."""

    source: str
    revision: str
    outcome: GateOutcome  # PASSED, REFUSED or UNDERPOWERED
    reasons: list[str]
    version: str  # of the artifact that the revision became
    digest: str
    champion: str | None  # the version that it was compared with, None for a first model
    golden: str  # digest of the golden set
    report: dict[str, Any]  # every figure; empty where nothing was scored
    decided_at: str = ""  # set where the verdict is kept


def find_verdict(store: ObjectStore, model: str, revision: str) -> RevisionVerdict | None:
    """Return the verdict on `source@revision`, None without one. Raises RegistryError."""
    key = keys.verdict(model, revision)
    stored = find_document(store, key)
    if stored is None:
        return None
    known = {field.name for field in fields(RevisionVerdict)}
    document = {name: value for name, value in decode(stored, key).items() if name in known}
    try:
        verdict = RevisionVerdict(**document | {"outcome": GateOutcome(document["outcome"])})
        members = (verdict.source, verdict.revision, verdict.version, verdict.digest)
        require_texts((*members, verdict.champion or "", *verdict.reasons), key, "a verdict")
        return verdict
    except (KeyError, TypeError, ValueError) as error:
        raise RegistryError(f"{key}: not a verdict: {error}") from error


def keep_verdict(store: ObjectStore, model: str, verdict: RevisionVerdict) -> None:
    """Write a verdict in place of an earlier one. Raises LostRaceError."""
    key = keys.verdict(model, f"{verdict.source}@{verdict.revision}")
    decided = datetime.now(UTC).isoformat(timespec="seconds")
    content = encode({**asdict(verdict), "decided_at": decided})
    try:
        write_document(store, key, content, find_document(store, key))
    except ConflictError as error:
        raise LostRaceError(
            f"{key}: another refresh judged the same revision meanwhile; run again"
        ) from error
