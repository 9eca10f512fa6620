"""Choices for an import, and a checkpoint with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from function.core.heads import Aggregation, ArgmaxDecoding, SigmoidDecoding
from function.core.tagging import label_of
from scripts.common.errors import UsageError
from scripts.refresh.checkpoint import EVEN, Checkpoint
from scripts.train.config import Precision


@dataclass(frozen=True)
class ImportSettings:
    """Choices for an import; the provenance keeps them for later revisions."""

    renamed_labels: Mapping[str, str] = field(default_factory=dict)  # the checkpoint's to ours
    precision: Precision = "int8"
    thresholds: Mapping[str, float] = field(default_factory=dict)  # of labels, where not EVEN
    aggregation: Aggregation | None = None  # of a model that tags tokens; None for `simple`
    pairs: bool | None = None  # whether it reads pairs of texts; None where nobody says

    @classmethod
    def of_champion(cls, provenance: Mapping[str, Any]) -> "ImportSettings":
        """Return the choices that the version in production was imported with."""
        return cls(
            provenance.get("renamed_labels", {}),
            provenance.get("precision", "int8"),
            provenance.get("thresholds", {}),
            provenance.get("aggregation"),
            provenance.get("pairs"),
        )


def rename_labels(checkpoint: Checkpoint, names: Mapping[str, str], source: str) -> Checkpoint:
    """Return the checkpoint with other names of its labels. Raises UsageError."""
    labels = checkpoint.labels
    if unknown := sorted(names.keys() - set(labels)):
        raise UsageError(
            f"{source}: no label {', '.join(unknown)} to rename; it has {', '.join(labels)}"
        )
    renamed = [names.get(label, label) for label in labels]
    if twice := sorted({label for label in renamed if renamed.count(label) > 1}):
        raise UsageError(f"{source}: two labels would be called {', '.join(twice)}")
    if isinstance(checkpoint.decoding, ArgmaxDecoding):
        tags = [
            tag.removesuffix(label_of(tag)) + names.get(label_of(tag), label_of(tag))
            for tag in checkpoint.decoding.tags
        ]
        decoding = checkpoint.decoding.model_copy(update={"tags": tags})
        return replace(checkpoint, labels=renamed, decoding=decoding)
    return replace(checkpoint, labels=renamed)


def choose_decoding(checkpoint: Checkpoint, settings: ImportSettings, source: str) -> Checkpoint:
    """Return the checkpoint with the chosen inputs, thresholds and aggregation.

    Raises UsageError.
    """
    thresholds = settings.thresholds
    if settings.pairs is not None:
        if settings.pairs and checkpoint.decoding.task != "text-classification":
            raise UsageError(f"{source}: pairs of texts are for models that classify texts")
        checkpoint = replace(checkpoint, pairs=settings.pairs)
    if settings.aggregation:
        if not isinstance(checkpoint.decoding, ArgmaxDecoding):
            raise UsageError(f"{source}: an aggregation is for models that tag tokens")
        own = checkpoint.decoding.model_copy(update={"aggregation": settings.aggregation})
        checkpoint = replace(checkpoint, decoding=own)
    if not thresholds:
        return checkpoint
    if not isinstance(checkpoint.decoding, SigmoidDecoding):
        raise UsageError(f"{source}: thresholds are for models that give a text several labels")
    if unknown := sorted(thresholds.keys() - set(checkpoint.labels)):
        raise UsageError(
            f"{source}: no label {', '.join(unknown)} to have a threshold; it has "
            f"{', '.join(checkpoint.labels)}"
        )
    chosen = [thresholds.get(label, EVEN) for label in checkpoint.labels]
    return replace(checkpoint, decoding=SigmoidDecoding(thresholds=chosen))
