"""One revision of a source: fetched, imported, judged, and published where it passes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from function.core.artifact import Artifact, open_artifact, verify
from function.core.manifest import MANIFEST
from function.core.tokenization import Text
from scripts.common import isolation
from scripts.common.errors import LostRaceError, MissingExtraError, SourceError
from scripts.gate.cascade import drop_worse_cascade
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden
from scripts.gate.outcome import GateOutcome
from scripts.gate.report import render_markdown, to_json
from scripts.gate.settings import GateSettings
from scripts.refresh.checkpoint import file_names, read_checkpoint
from scripts.refresh.import_settings import ImportSettings, choose_decoding, rename_labels
from scripts.refresh.sources.source import Revision, Source
from scripts.refresh.verdicts import RevisionVerdict
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import CANDIDATE, PRODUCTION, Registry


def import_model(
    folder: Path,
    model: str,
    texts: Sequence[Text],
    output: Path,
    revision: Revision,
    *,
    settings: ImportSettings | None = None,
    created: datetime | None = None,
) -> Artifact:
    """Return the artifact in a fetched folder, or one made of its checkpoint; either is verified.

    An artifact is taken as it is, and the settings are for checkpoints.

    An export in `output` is compared with the checkpoint on `texts`; nothing is chosen or
    calibrated on them. The same revision with the same `created`, now by default, becomes the same
    version.

    Raises:
        ArtifactError: The artifact is damaged.
        ExportError: The export answers differently than the checkpoint.
        MissingExtraError: A checkpoint needs torch, which is not installed.
        SourceError: The folder cannot be imported.
    """
    if (folder / MANIFEST).is_file():
        artifact = open_artifact(folder)
        if artifact.manifest.model != model:
            raise SourceError(
                f"{revision.source}: is an artifact of '{artifact.manifest.model}', not '{model}'"
            )
    else:
        moment = created or datetime.now(UTC).replace(microsecond=0)
        chosen = settings or ImportSettings()
        given = (folder, model, texts, output, revision, chosen, moment)
        isolation.call_isolated(revision.source, _convert, *given)
        artifact = open_artifact(output)
    verify(artifact)
    return artifact


def _convert(
    folder: Path,
    model: str,
    texts: Sequence[Text],
    output: Path,
    revision: Revision,
    settings: ImportSettings,
    created: datetime,
) -> None:
    names = file_names(folder)
    checkpoint = read_checkpoint(folder, names, revision.source)
    checkpoint = rename_labels(checkpoint, settings.renamed_labels, revision.source)
    checkpoint = choose_decoding(checkpoint, settings, revision.source)
    try:
        # Only here: an artifact is imported where no torch is installed.
        from scripts.refresh.conversion import convert
    except ImportError as error:
        raise MissingExtraError(
            f"{revision.source}: a checkpoint is exported with {error.name}, which is not "
            "installed: run 'make tools', which installs it, then this again"
        ) from error
    convert(folder, checkpoint, model, texts, output, revision, settings, created)


def _drop_worse_cascade(candidate: Path, golden: bytes, folder: Path) -> str:
    return drop_worse_cascade(open_artifact(candidate), parse_golden(golden), folder)[1]


def _judge(
    candidate: Path, champion: Path | None, golden: bytes, settings: GateSettings
) -> dict[str, Any]:
    """Return outcome, reasons, page and report of the gate."""
    before = None if champion is None else open_artifact(champion)
    judgement = run_gate(open_artifact(candidate), before, parse_golden(golden), settings)
    return {
        "outcome": judgement.outcome,
        "reasons": judgement.reasons,
        "page": render_markdown(judgement),
        "report": to_json(judgement),
    }


@dataclass(frozen=True)
class RevisionJudge:
    """The gate of one model of a registry.

    Withdrawn versions are refused without being scored, because they were rolled back.
    """

    registry: Registry  # where the golden set and the champion are, and what passes is published
    model: str
    champion: str | None  # the version in production, None for a first model
    withdrawn: tuple[str, ...]
    settings: GateSettings
    say: Callable[[str], None]

    def judge(
        self, source: Source, revision: Revision, scratch: Path
    ) -> tuple[RevisionVerdict, str]:
        """Fetch, import and judge a revision, and publish it where it passes.

        Artifacts are verified as they come in, the champion by its download, and by the publish.
        The gate in between takes them as they are.

        Returns the verdict and its page for people, which is empty where nothing was scored. Raises
        LostRaceError where production moved meanwhile.
        """
        golden_digest, content = current_golden(self.registry.store, self.model)
        golden = parse_golden(content)
        artifact = self._imported_before(revision, scratch / "before")
        if artifact is None:
            self.say(f"fetching {revision}")
            fetched, made = scratch / "fetched", scratch / "artifact"
            fetched.mkdir()
            found = source.fetch(revision, fetched)
            artifact = import_model(
                found,
                self.model,
                golden.texts,
                made,
                revision,
                settings=self._settings_before(pairs=golden.pairs),
            )
        dropped, without = "", scratch / "without-cascade"
        if artifact.manifest.cascade:
            opened = (artifact.path, content, without)
            dropped = isolation.call_isolated(revision.source, _drop_worse_cascade, *opened)
        if dropped:
            self.say(dropped)
            artifact = open_artifact(without)
        verdict = partial(
            RevisionVerdict,
            source=revision.source,
            revision=revision.revision,
            version=artifact.version,
            digest=artifact.digest,
            champion=self.champion,
            golden=golden_digest,
        )
        if artifact.version == self.champion:
            same = "it is the version in production"
            return verdict(outcome=GateOutcome.PASSED, reasons=[same], report={}), ""
        if artifact.version in self.withdrawn:
            why = f"{artifact.version} was rolled back: it needs a person and --retry to come again"
            return verdict(outcome=GateOutcome.REFUSED, reasons=[why], report={}), ""
        opponent = self.champion or "absolute floors: it is the first"
        self.say(f"judging {artifact.version} against {opponent}")
        champion = self._download_champion(scratch)
        # Before publishing, which nothing that fails may follow.
        given = (artifact.path, champion.path if champion else None, content, self.settings)
        judged = isolation.call_isolated(revision.source, _judge, *given)
        outcome = GateOutcome(judged["outcome"])
        if outcome is GateOutcome.PASSED:
            self._publish(artifact, str(revision))
        reasons = [*judged["reasons"], *([dropped] if dropped else [])]
        page = f"{judged['page']}\n\n{dropped}\n" if dropped else judged["page"]
        return verdict(outcome=outcome, reasons=reasons, report=judged["report"]), page

    def _imported_before(self, revision: Revision, folder: Path) -> Artifact | None:
        """Download the version that a checkpoint's revision became in an earlier run, if it did.

        Made again it would be another version, since a manifest records when it was made.
        """
        names = self.registry.versions(self.model)
        versions = [self.registry.describe(self.model, name) for name in names]
        # Of several imports of one revision the champion, which was chosen; else the newest.
        versions.sort(key=lambda each: (each.version == self.champion, each.manifest.created))
        for found in reversed(versions):
            recorded = found.manifest.provenance
            origin = (recorded.get("base"), recorded.get("revision"))
            if origin == (revision.source, revision.revision):
                return self.registry.download(self.model, found.version, folder)
        return None

    def _settings_before(self, *, pairs: bool) -> ImportSettings:
        """Return how the champion was imported: a newer revision of it is imported so, too.

        A golden set of `pairs` says that the model reads those.
        """
        provenance = {}
        if self.champion is not None:
            provenance = self.registry.describe(self.model, self.champion).manifest.provenance
        settings = ImportSettings.of_champion(provenance)
        return replace(settings, pairs=True) if pairs else settings

    def _download_champion(self, scratch: Path) -> Artifact | None:
        if self.champion is None:
            return None
        return self.registry.download(self.model, self.champion, scratch / "champion")

    def _publish(self, artifact: Artifact, revision: str) -> None:
        self.say(f"publishing {artifact.version}")
        version = self.registry.publish(artifact)
        production = self.registry.alias(self.model, PRODUCTION)
        if (production.version if production else None) != self.champion:
            raise LostRaceError(
                f"{self.model}: production moved while {version} was judged against "
                f"{self.champion}; run again"
            )
        self.registry.promote(self.model, version, f"passed the gate as {revision}", CANDIDATE)
