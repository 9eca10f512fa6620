"""Conversion of a transformers checkpoint, made elsewhere, to an artifact.

Its labels, tokenizer and weights are taken as they are. The rest assumes least: windows as long as
the model takes, and no temperature, as there is no validation data.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, open_artifact
from function.core.manifest import Manifest, Tokenization
from function.core.tokenization import Text, TextPair, strings_of
from scripts.common.errors import ExportError, SourceError, UsageError
from scripts.common.footprint import estimate
from scripts.common.progress import log
from scripts.refresh.checkpoint import Checkpoint
from scripts.refresh.import_settings import ImportSettings
from scripts.refresh.loaded_checkpoint import (
    check_padding,
    check_tokens,
    check_vocabulary,
    explained,
    load_checkpoint,
)
from scripts.refresh.parity import parity_measure
from scripts.refresh.rounding_search import measure_errors, search_rounding
from scripts.refresh.sources.source import Revision
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.base_checkpoint import longest_window
from scripts.train.config import Precision
from scripts.train.export import TracedModel
from scripts.train.manifest import draft_manifest, made_with, write_manifest
from scripts.train.parity import ExportParity, ParityCheck
from scripts.train.quantization import Rounding

MOST_WINDOWS = 16
REMEDY = (
    "Int8 costs this model too much precision, whichever matrices stay exact: scripts.import_model "
    "--precision fp32 imports it as it is, four times as large and slower"
)
PROBES = ("Ein CAFÉ in Zürich, don't!", "北京 naïve")  # case, accents, punctuation, no spaces
COMPARED = 100  # texts whose tokens are compared


def convert(
    folder: Path,
    checkpoint: Checkpoint,
    model: str,
    texts: Sequence[Text],
    output: Path,
    revision: Revision,
    settings: ImportSettings,
    created: datetime,
) -> Artifact:
    """Write an artifact to `output` and open it. Raises as `import_model` does."""
    texts = [text for text in texts if all(part.strip() for part in strings_of(text))]
    if not texts:
        raise UsageError("an export is compared on texts: give at least one")
    probes: Sequence[Text] = PROBES
    if checkpoint.pairs:
        texts, probes = in_pairs(texts), in_pairs(PROBES)
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    trained = load_checkpoint(folder, checkpoint, partial, revision.source)
    check_vocabulary(trained, revision.source)
    check_tokens(folder, trained, [*probes, *texts[:COMPARED]], revision.source)
    check_padding(trained, strings_of(texts[0])[0], revision.source)
    max_tokens = longest_window(trained.model, checkpoint.longest)
    if max_tokens - max_tokens // 4 <= trained.tokenizer.special_tokens:
        raise SourceError(f"{revision.source}: {max_tokens} tokens at most leave no room for text")
    tokenization = Tokenization(
        max_tokens=max_tokens,
        window="truncate" if checkpoint.pairs else "window",
        stride=0 if checkpoint.pairs else max_tokens // 4,
        max_windows=1 if checkpoint.pairs else MOST_WINDOWS,
        pairs=checkpoint.pairs,
        segments=trained.tokenizer.segments,
    )

    def draft() -> Manifest:
        return draft_manifest(
            partial,
            model,
            checkpoint.labels,
            tokenization,
            created,
            task=checkpoint.decoding.task,
            decoding=checkpoint.decoding,
        )

    check = ParityCheck(trained, texts, max_tokens, parity_measure(checkpoint.decoding))
    log(f"exporting: {estimate(trained.model, max_tokens, settings.precision)}")
    failed = f"{revision.source}: {checkpoint.architecture} cannot be exported"
    with explained(failed, kind=ExportError):
        parity, found = _export(trained, settings.precision, partial, check, draft)
    provenance = _provenance(checkpoint, revision, settings, parity) | found
    write_manifest(draft().model_copy(update={"provenance": provenance}), partial)
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)
    return open_artifact(output)


def in_pairs(texts: Sequence[Text]) -> list[Text]:
    """Return each text with the one after it; pairs as they are."""
    after = [*texts[1:], texts[0]]
    return [
        TextPair(text, other) if isinstance(text, str) and isinstance(other, str) else text
        for text, other in zip(texts, after, strict=True)
    ]


def _export(
    trained: TrainedModel,
    precision: Precision,
    folder: Path,
    check: ParityCheck,
    draft: Callable[[], Manifest],
) -> tuple[ExportParity, dict[str, Any]]:
    """Write the files of an export that agrees; also return the rounding that it took, if any."""
    with TemporaryDirectory() as scratch:
        traced = TracedModel(trained, Path(scratch))

        def attempt(rounding: Rounding) -> ExportParity:
            traced.write(folder, rounding)
            return check(OnnxBackend(Artifact(folder, draft(), digest=""), threads=0))

        rounding = Rounding(precision=precision)
        parity = attempt(rounding)
        if parity.problem and precision == "int8":
            segments = trained.tokenizer.segments
            errors = measure_errors(
                trained.model, check.windows, traced.matrices, segments=segments
            )
            rounding, parity = search_rounding(attempt, errors, parity)
    if parity.problem:
        raise ExportError(f"the export {parity.problem}. {REMEDY}")
    if not (rounding.by_token or rounding.exact):
        return parity, {}
    costs = {name: 3 * traced.matrices[name].size for name in rounding.exact}
    for name, cost in costs.items():
        log(f"stays exact: {name}, {cost:,} bytes more than in int8")
    cost = sum(costs.values())
    log(f"int8 holds with {len(rounding.by_token)} matrices by token, {cost:,} bytes more")
    return parity, {"rounding": {**asdict(rounding), "bytes": cost}}


def _provenance(
    checkpoint: Checkpoint, revision: Revision, settings: ImportSettings, parity: ExportParity
) -> dict[str, Any]:
    return {
        "base": revision.source,
        "revision": revision.revision,
        "architecture": checkpoint.architecture,
        "renamed_labels": dict(settings.renamed_labels),
        "precision": settings.precision,
        **({"thresholds": dict(settings.thresholds)} if settings.thresholds else {}),
        **({"aggregation": settings.aggregation} if settings.aggregation else {}),
        **({} if settings.pairs is None else {"pairs": settings.pairs}),
        "calibration": "none: imported without validation data, so the temperature is 1",
        "datasets": {},
        "licenses": {},
        **made_with(),
        "parity": asdict(parity),
    }
