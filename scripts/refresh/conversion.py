"""Conversion of a transformers checkpoint, made elsewhere, to an artifact.

Its labels, tokenizer and weights are taken as they are. The rest assumes least: windows as long as
the model takes, and no temperature, as there is no validation data.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from unicodedata import is_normalized

import numpy as np
import torch
from tokenizers import Tokenizer as FastTokenizer
from transformers import AutoTokenizer, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact, open_artifact
from function.core.backend import pad, split_segments
from function.core.errors import EvergreenError
from function.core.manifest import Manifest, Tokenization
from function.core.tokenization import Text, TextPair, TextTokenizer, strings_of
from scripts.common.errors import ExportError, SourceError, UsageError, one_line
from scripts.common.progress import log
from scripts.refresh.checkpoint import (
    SENTENCE_PIECES,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Checkpoint,
    ImportSettings,
)
from scripts.refresh.footprint import estimate
from scripts.refresh.parity import parity_measure
from scripts.refresh.rounding_search import measure_errors, search_rounding
from scripts.refresh.sources.source import Revision
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.base_checkpoint import load_classifier, longest_window
from scripts.train.classifiers import logits_of
from scripts.train.config import Precision
from scripts.train.export import ExportParity, ParityCheck, TracedModel, windows_of
from scripts.train.manifest import draft_manifest, made_with, write_manifest
from scripts.train.quantization import Rounding

MOST_WINDOWS = 16
REMEDY = (
    "Int8 costs this model too much precision, whichever matrices stay exact: scripts.import_model "
    "--precision fp32 imports it as it is, four times as large and slower"
)
PROBES = ("Ein CAFÉ in Zürich, don't!", "北京 naïve")  # case, accents, punctuation, no spaces
UNCUT = 1 << 30  # tokens of a window that holds any text
COMPARED = 100  # texts whose tokens are compared
MOST_GROWTH = 1000  # of a text's length, by a tokenizer's replacements
PADDING = 8  # tokens that the test of padding adds, at most
PADDING_TOLERANCE = 1e-3  # of a logit, relative to the largest; floats alone give 1e-6


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
    trained = _load(folder, checkpoint, partial, revision.source)
    _check_vocabulary(trained, revision.source)
    _check_tokens(folder, trained, [*probes, *texts[:COMPARED]], revision.source)
    _check_padding(trained, strings_of(texts[0])[0], revision.source)
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
    with _exporting(checkpoint, revision.source):
        parity, found = _export(trained, settings.precision, partial, check, draft)
    provenance = _provenance(checkpoint, revision, settings, parity) | found
    write_manifest(draft().model_copy(update={"provenance": provenance}), partial)
    shutil.rmtree(output, ignore_errors=True)
    os.replace(partial, output)
    return open_artifact(output)


def _load(folder: Path, checkpoint: Checkpoint, scratch: Path, source: str) -> TrainedModel:
    disable_progress_bar()
    try:
        model, missing = load_classifier(folder, checkpoint.decoding.task)
    except Exception as error:  # each layer of transformers raises errors of its own
        raise SourceError(f"{source}: transformers cannot load it: {_cause(error)}") from error
    if missing:
        named = ", ".join(missing[:3])
        raise SourceError(f"{source}: its weights lack {named}: it was not fine-tuned")
    if checkpoint.labels and model.config.num_labels != checkpoint.outputs:
        raise SourceError(f"{source}: {model.config.num_labels} outputs, {checkpoint.labels}")
    file = _tokenizer_file(folder, scratch, source)
    _check_growth(file, source)
    try:
        tokenizer = TextTokenizer(file)
    except EvergreenError as error:
        raise SourceError(f"{source}: {error}") from error
    file = _own_padding(file, tokenizer, checkpoint, scratch)
    settings = json.loads(model.config.to_json_string())
    segments = checkpoint.pairs and _takes_segments(folder, model, source)
    return TrainedModel(model.eval(), TextTokenizer(file, segments=segments), file, settings)


def in_pairs(texts: Sequence[Text]) -> list[Text]:
    """Return each text with the one after it; pairs as they are."""
    after = [*texts[1:], texts[0]]
    return [
        TextPair(text, other) if isinstance(text, str) and isinstance(other, str) else text
        for text, other in zip(texts, after, strict=True)
    ]


def _takes_segments(folder: Path, model: PreTrainedModel, source: str) -> bool:
    """Return whether transformers gives the model `token_type_ids` that it distinguishes."""
    if (getattr(model.config, "type_vocab_size", None) or 0) < 2:
        return False
    try:
        return "token_type_ids" in _own_tokenizer(folder)("a", "a")
    except Exception as error:  # each layer of transformers raises errors of its own
        raise SourceError(f"{source}: transformers reads no pairs: {_cause(error)}") from error


def _own_tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _tokenizer_file(folder: Path, scratch: Path, source: str) -> Path:
    """Return the checkpoint's tokenizer.json, or one that transformers makes of its vocabulary."""
    file, made = folder / TOKENIZER, scratch / TOKENIZER
    if file.is_file():
        return file
    pieces = any((folder / name).is_file() for name in SENTENCE_PIECES)
    try:
        if pieces and find_spec("sentencepiece") is None:
            raise ImportError("a SentencePiece model is read with sentencepiece, not installed")
        _own_tokenizer(folder).backend_tokenizer.save(str(made))
    except Exception as error:  # each layer of transformers raises errors of its own
        raise SourceError(
            f"{source}: has no {TOKENIZER}, and transformers cannot make one of its vocabulary: "
            f"{_cause(error)}. Add what AutoTokenizer.from_pretrained(...).save_pretrained(...) "
            "writes elsewhere"
        ) from error
    return made


def _check_growth(file: Path, source: str) -> None:
    """Refuse a tokenizer whose replacements, one after another, make a text huge."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        steps = [content.get("normalizer"), content.get("pre_tokenizer")]
    except (AttributeError, ValueError):
        return  # TextTokenizer refuses it
    growth = 1.0
    while steps:
        step = steps.pop()
        if isinstance(step, list):
            steps += step
        elif isinstance(step, dict):
            steps += [step.get("normalizers"), step.get("pretokenizers")]
            if isinstance(written := step.get("content"), str):
                pattern = step.get("pattern")
                read = pattern.get("String", "") if isinstance(pattern, dict) else ""
                growth *= max(1.0, len(written) / len(read) if read else 1 + len(written))
    if growth > MOST_GROWTH:
        raise SourceError(
            f"{source}: {TOKENIZER} replaces text by up to {growth:.0e} times as much; at most "
            f"{MOST_GROWTH:,} may be"
        )


def _own_padding(
    file: Path, tokenizer: TextTokenizer, checkpoint: Checkpoint, scratch: Path
) -> Path:
    """Return the tokenizer's file, or a copy in `scratch` that pads with the checkpoint's token."""
    fast, padding = FastTokenizer.from_file(str(file)), checkpoint.padding
    pad_id = fast.token_to_id(padding) if isinstance(padding, str) else padding
    token = None if pad_id is None else fast.id_to_token(pad_id)
    if token is None or pad_id == tokenizer.pad_id:
        return file
    fast.enable_padding(pad_id=pad_id, pad_token=token)
    fast.save(str(scratch / TOKENIZER))
    return scratch / TOKENIZER


def _check_vocabulary(trained: TrainedModel, source: str) -> None:
    size = len(cast("PreTrainedModel", trained.model).get_input_embeddings().weight)
    needed = max(trained.tokenizer.vocabulary_size, trained.tokenizer.last_id + 1)
    if needed > size:
        raise SourceError(
            f"{source}: {TOKENIZER} has {needed} tokens, the model {size}: they are not of one "
            "model"
        )


def _check_tokens(folder: Path, trained: TrainedModel, texts: Sequence[Text], source: str) -> None:
    """Refuse a tokenizer.json that transformers reads otherwise, by what lies beside it."""
    # What we change on purpose is no difference; see `core/tokenization.py`.
    plain = [
        text
        for text in texts
        if all("<" not in part and is_normalized("NFC", part) for part in strings_of(text))
    ]
    try:
        own = _own_tokenizer(folder)
        expected = [own(*strings_of(text)) for text in plain]
    except Exception:  # where transformers reads no text, there is nothing to differ from
        return
    windows = windows_of(trained.tokenizer, plain, UNCUT)
    for text, encoding, window in zip(plain, expected, windows, strict=True):
        ids, types = split_segments(window)
        if ids.tolist() != encoding["input_ids"] or (
            trained.tokenizer.segments and types.tolist() != encoding["token_type_ids"]
        ):
            raise SourceError(
                f"{source}: transformers reads '{strings_of(text)[0][:40]}' as other tokens than "
                f"{TOKENIZER} says: its {TOKENIZER_CONFIG} differs, for example in do_lower_case. "
                "Save both again with AutoTokenizer.from_pretrained(...).save_pretrained(...)"
            )


@torch.inference_mode()
def _check_padding(trained: TrainedModel, text: str, source: str) -> None:
    """Refuse a model that takes padding for text, as those that seek the last real token may."""
    ids = trained.tokenizer.encode([text])[0].ids[:PADDING]
    short = trained.tokenizer.with_special_tokens(ids)
    long = trained.tokenizer.with_special_tokens(np.concatenate([ids, ids]))
    try:
        alone, padded = (
            logits_of(trained.model, torch.from_numpy(input_ids), torch.from_numpy(mask))[0]
            for input_ids, mask in (
                pad([short], trained.tokenizer.pad_id),
                pad([short, long], trained.tokenizer.pad_id),
            )
        )
    except Exception as error:  # whatever the model's own code raises
        raise SourceError(f"{source}: cannot answer a padded text: {_cause(error)}") from error
    padded = padded[: len(alone)]  # a model that tags tokens tags the padding, too
    if not alone.isfinite().all():
        raise SourceError(f"{source}: its answers are not finite numbers: its weights are damaged")
    if (alone - padded).abs().max() > PADDING_TOLERANCE * (1 + alone.abs().max()):
        own, named = trained.tokenizer.pad_id, trained.config.get("pad_token_id")
        why = (
            f"its {TOKENIZER} pads with {own}, its config.json says {named}"
            if own != named
            else f"{trained.config.get('model_type')} reads padding as text, so texts in one batch "
            "would change each other's answers"
        )
        raise SourceError(f"{source}: answers differently when padded: {why}")


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


@contextmanager
def _exporting(checkpoint: Checkpoint, source: str) -> Iterator[None]:
    try:
        yield
    except EvergreenError:
        raise
    except Exception as error:  # the exporter and ONNX Runtime share no base of errors
        raise ExportError(
            f"{source}: {checkpoint.architecture} cannot be exported: {_cause(error)}"
        ) from error


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


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
