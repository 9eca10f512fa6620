"""Shared parts of the architectures that classify texts: logits, loss, and validation."""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from function.core.tokenization import TextTokenizer
from scripts.data.labelled_texts import LabelledTexts
from scripts.train.architectures.architecture import TrainingRun
from scripts.train.batches import Batch, TokenizedTexts, in_order
from scripts.train.corpus import tokenize


def logits_of(
    model: nn.Module,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    token_type_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return a model's logits, whether it returns them or an object that has them.

    Of an encoder without a head they are the tokens' vectors.
    """
    segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
    output = model(input_ids=input_ids, attention_mask=attention_mask, **segments)
    logits: torch.Tensor = getattr(output, "logits", getattr(output, "last_hidden_state", output))
    return logits


def classification_loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the mean cross-entropy of the labels, mixed with a teacher's loss if there is one."""
    logits = logits_of(model, batch.input_ids, batch.attention_mask).float()
    if batch.soft is None:
        return functional.cross_entropy(logits, batch.labels)
    hard = functional.cross_entropy(logits, batch.labels, reduction="none")
    return batch.soft.mix(hard, batch.soft.divergence(logits, batch.soft.logits))


def training_examples(run: TrainingRun, tokenizer: TextTokenizer) -> TokenizedTexts:
    """Return the training texts, and those to which a teacher alone has answers."""
    rows: LabelledTexts = run.corpus.train
    if run.teaching is None:
        return tokenize(rows, tokenizer)
    more = run.teaching.texts
    rows = LabelledTexts([*rows.texts, *more], [*rows.labels, *[0] * len(more)], [])
    return replace(tokenize(rows, tokenizer), teaching=run.teaching)


def held_out(run: TrainingRun, tokenizer: TextTokenizer) -> dict[str, TokenizedTexts]:
    """Return the start of each data set's validation part, as long as the configuration says."""
    return {name: tokenize(rows, tokenizer) for name, rows in run.held_out().items()}


def accuracies(
    parts: dict[str, TokenizedTexts], max_tokens: int, model: nn.Module
) -> dict[str, float]:
    """Return the share of right labels by data set, of texts cut to `max_tokens`."""
    return {name: _accuracy(rows, max_tokens, model) for name, rows in parts.items()}


@torch.inference_mode()
def _accuracy(rows: TokenizedTexts, max_tokens: int, model: nn.Module) -> float:
    device = next(model.parameters()).device
    lengths = rows.lengths(max_tokens)
    correct = 0
    for chosen in in_order(lengths, batch_texts=64, batch_tokens=8192):
        batch = rows.collate(chosen, max_tokens, None).to(device)
        logits = logits_of(model, batch.input_ids, batch.attention_mask)
        correct += int((logits.argmax(-1) == batch.labels).sum())
    return correct / len(lengths)
