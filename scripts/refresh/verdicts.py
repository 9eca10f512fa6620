"""What the gate said of each revision of a source, so that the clock does not ask again."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from scripts.common.errors import ConflictError, LostRaceError, RegistryError
from scripts.registry import keys
from scripts.registry.documents import decode, encode, find, write
from scripts.registry.stores.store import ObjectStore


@dataclass(frozen=True)
class Verdict:
    """One decision of the gate.

    source, revision: what was judged. outcome: `passed`, `refused` or `underpowered`.
    version, digest: of the artifact that it became. champion: the version it was held against,
    None for a first model. golden: the digest of the golden set. report: every figure.
    """

    source: str
    revision: str
    outcome: str
    reasons: list[str]
    version: str
    digest: str
    champion: str | None
    golden: str
    report: dict[str, Any]
    decided_at: str = ""


def find_verdict(store: ObjectStore, model: str, revision: str) -> Verdict | None:
    """The verdict on `source@revision`, None where there is none yet. Raises RegistryError."""
    key = keys.verdict(model, revision)
    stored = find(store, key)
    if stored is None:
        return None
    known = {field.name for field in fields(Verdict)}
    document = decode(stored, key)
    try:
        return Verdict(**{name: value for name, value in document.items() if name in known})
    except TypeError as error:
        raise RegistryError(f"{key}: not a verdict: {error}") from error


def keep_verdict(store: ObjectStore, model: str, verdict: Verdict) -> None:
    """Write a verdict in place of an earlier one. Raises LostRaceError."""
    key = keys.verdict(model, f"{verdict.source}@{verdict.revision}")
    decided = datetime.now(UTC).isoformat(timespec="seconds")
    content = encode({**asdict(verdict), "decided_at": decided})
    try:
        write(store, key, content, find(store, key))
    except ConflictError as error:
        raise LostRaceError(
            f"{key}: another refresh judged the same revision meanwhile; run again"
        ) from error
