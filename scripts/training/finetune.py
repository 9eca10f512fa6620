"""A transformers checkpoint, adapted on unlabelled text and fine-tuned on labels."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
)

from function.core.tokenization import TextTokenizer
from scripts.lifecycle.errors import UsageError
from scripts.training.batches import TokenizedTexts, collate, in_order
from scripts.training.config import PretrainingConfig, TrainConfig
from scripts.training.corpus import Corpus, load_unlabelled, tokenize
from scripts.training.loop import Phase, set_seeds
from scripts.training.objectives import classification_loss, masked_language_loss

DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


@dataclass(frozen=True)
class TrainedModel:
    """What export needs: the torch model in evaluation mode and its tokenizer."""

    model: PreTrainedModel
    tokenizer: TextTokenizer
    tokenizer_file: Path


def finetune(
    config: TrainConfig,
    corpus: Corpus,
    data: Path,
    folder: Path,
    log: Callable[[dict[str, Any]], None],
) -> TrainedModel:
    """Run every phase of the configuration, resuming in `folder` where a run was killed."""
    set_seeds(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer_file = _save_tokenizer(config.base, folder)
    tokenizer = TextTokenizer(tokenizer_file)
    base = config.base
    if config.pretraining:
        base = str(_pretrain(config, config.pretraining, data, tokenizer, folder, device, log))
    model = AutoModelForSequenceClassification.from_pretrained(
        base, config=_checkpoint_config(base, config), dtype=torch.float32
    )
    settings = config.finetuning
    train = tokenize(corpus.train, tokenizer)
    validation = {
        name: tokenize(rows.select(range(min(len(rows), settings.validation_texts))), tokenizer)
        for name, rows in corpus.validation.items()
    }
    phase = Phase(
        "finetuning",
        model,
        classification_loss,
        settings,
        seed=config.seed,
        device=device,
        folder=folder,
        checkpoint_minutes=config.checkpoint_minutes,
        log=log,
    )
    phase.run(
        train,
        tokenizer,
        evaluate=partial(_accuracies, validation, tokenizer, settings.epoch_max_tokens[-1], device),
        evaluate_every=settings.evaluate_every,
        patience=settings.patience,
    )
    return TrainedModel(model.cpu().eval(), tokenizer, tokenizer_file)


def _pretrain(
    config: TrainConfig,
    settings: PretrainingConfig,
    data: Path,
    tokenizer: TextTokenizer,
    folder: Path,
    device: torch.device,
    log: Callable[[dict[str, Any]], None],
) -> Path:
    """Masked-language training; returns the folder of the adapted checkpoint."""
    adapted = folder / "adapted"
    if (adapted / "model.safetensors").exists():
        return adapted
    names = AutoTokenizer.from_pretrained(config.base)
    if names.mask_token_id is None:
        raise UsageError(f"{config.base} has no mask token: remove [pretraining].")
    model = AutoModelForMaskedLM.from_pretrained(config.base, dtype=torch.float32)
    texts = load_unlabelled(settings, data)
    rows = TokenizedTexts([text.ids for text in tokenizer.encode(texts)], [0] * len(texts))
    Phase(
        "pretraining",
        model,
        masked_language_loss(
            names.mask_token_id,
            model.config.vocab_size,
            settings.masked,
            set(names.all_special_ids),
        ),
        settings,
        seed=config.seed,
        device=device,
        folder=folder,
        checkpoint_minutes=config.checkpoint_minutes,
        log=log,
    ).run(rows, tokenizer)
    model.save_pretrained(adapted)
    return adapted


def _accuracies(
    validation: dict[str, TokenizedTexts],
    tokenizer: TextTokenizer,
    max_tokens: int,
    device: torch.device,
    model: nn.Module,
) -> dict[str, float]:
    return {
        name: _accuracy(rows, tokenizer, max_tokens, device, model)
        for name, rows in validation.items()
    }


@torch.inference_mode()
def _accuracy(
    rows: TokenizedTexts,
    tokenizer: TextTokenizer,
    max_tokens: int,
    device: torch.device,
    model: nn.Module,
) -> float:
    lengths = [min(len(ids) + tokenizer.special_tokens, max_tokens) for ids in rows.ids]
    correct = 0
    for chosen in in_order(lengths, batch_texts=64, batch_tokens=8192):
        batch = collate(rows, chosen, tokenizer, max_tokens, None).to(device)
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
        correct += int((logits.argmax(-1) == batch.labels).sum())
    return correct / len(lengths)


def _checkpoint_config(base: str, config: TrainConfig) -> Any:
    """The checkpoint's own configuration with our labels and dropout, whatever it calls that."""
    own = AutoConfig.from_pretrained(
        base,
        num_labels=len(config.labels),
        id2label=dict(enumerate(config.labels)),
        label2id={name: code for code, name in enumerate(config.labels)},
    )
    for name in DROPOUTS:
        if hasattr(own, name):
            setattr(own, name, config.dropout)
    return own


def _save_tokenizer(base: str, folder: Path) -> Path:
    """The checkpoint's tokenizer as one `tokenizer.json`, whatever form it had."""
    path = folder / "tokenizer.json"
    if not path.exists():
        fast = AutoTokenizer.from_pretrained(base)
        backend = getattr(fast, "backend_tokenizer", None)
        if backend is None:
            raise UsageError(f"{base} has no fast tokenizer, which serving needs.")
        path.write_text(json.dumps(json.loads(backend.to_str()), ensure_ascii=False), "utf-8")
    return path
