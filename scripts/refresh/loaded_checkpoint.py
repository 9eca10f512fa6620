"""A checkpoint's model and tokenizer, loaded by transformers and checked before their export."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from unicodedata import is_normalized

import numpy as np
import torch
from tokenizers import Tokenizer as FastTokenizer
from transformers import AutoTokenizer, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from function.core.backend import pad, split_segments
from function.core.errors import EvergreenError
from function.core.tokenization import Text, TextTokenizer, strings_of
from scripts.common.errors import CommandError, SourceError, one_line
from scripts.refresh.checkpoint import TOKENIZER, TOKENIZER_CONFIG, Checkpoint
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.base_checkpoint import load_classifier
from scripts.train.classifiers import logits_of
from scripts.train.parity import windows_of

UNCUT = 1 << 30  # tokens of a window that holds any text
MOST_GROWTH = 1000  # of a text's length, by a tokenizer's replacements
PADDING = 8  # tokens that the test of padding adds, at most
PADDING_TOLERANCE = 1e-3  # of a logit, relative to the largest; floats alone give 1e-6


def load_checkpoint(
    folder: Path, checkpoint: Checkpoint, scratch: Path, source: str
) -> TrainedModel:
    """Load model and tokenizer; files that a tokenizer is made of are put into `scratch`."""
    disable_progress_bar()
    with explained(f"{source}: transformers cannot load it"):
        model, missing = load_classifier(folder, checkpoint.decoding.task)
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


def _takes_segments(folder: Path, model: PreTrainedModel, source: str) -> bool:
    """Return whether transformers gives the model `token_type_ids` that it distinguishes."""
    if (getattr(model.config, "type_vocab_size", None) or 0) < 2:
        return False
    with explained(f"{source}: transformers reads no pairs"):
        return "token_type_ids" in _own_tokenizer(folder)("a", "a")


def _own_tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _tokenizer_file(folder: Path, scratch: Path, source: str) -> Path:
    """Return the checkpoint's tokenizer.json, or one that transformers makes of its vocabulary."""
    file, made = folder / TOKENIZER, scratch / TOKENIZER
    if file.is_file():
        return file
    advice = "Add what AutoTokenizer.from_pretrained(...).save_pretrained(...) writes elsewhere"
    why = f"{source}: has no {TOKENIZER}, and transformers cannot make one of its vocabulary"
    with explained(why, f". {advice}"):
        _own_tokenizer(folder).backend_tokenizer.save(str(made))
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


def check_vocabulary(trained: TrainedModel, source: str) -> None:
    """Refuse a tokenizer with more tokens than the model has vectors."""
    size = len(cast("PreTrainedModel", trained.model).get_input_embeddings().weight)
    needed = max(trained.tokenizer.vocabulary_size, trained.tokenizer.last_id + 1)
    if needed > size:
        raise SourceError(
            f"{source}: {TOKENIZER} has {needed} tokens, the model {size}: they are not of one "
            "model"
        )


def check_tokens(folder: Path, trained: TrainedModel, texts: Sequence[Text], source: str) -> None:
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
def check_padding(trained: TrainedModel, text: str, source: str) -> None:
    """Refuse a model that takes padding for text, as those that seek the last real token may."""
    ids = trained.tokenizer.encode([text])[0].ids[:PADDING]
    short = trained.tokenizer.with_special_tokens(ids)
    long = trained.tokenizer.with_special_tokens(np.concatenate([ids, ids]))
    with explained(f"{source}: cannot answer a padded text"):
        alone, padded = (
            logits_of(trained.model, torch.from_numpy(input_ids), torch.from_numpy(mask))[0]
            for input_ids, mask in (
                pad([short], trained.tokenizer.pad_id),
                pad([short, long], trained.tokenizer.pad_id),
            )
        )
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


@contextmanager
def explained(why: str, advice: str = "", kind: type[CommandError] = SourceError) -> Iterator[None]:
    """Turn errors of libraries, which share no base, into one of ours with its cause."""
    try:
        yield
    except EvergreenError:
        raise
    except Exception as error:
        raise kind(f"{why}: {type(error).__name__}: {one_line(error)}{advice}") from error
