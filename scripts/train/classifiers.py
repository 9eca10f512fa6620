"""Shared parts of the architectures that classify texts: logits, loss, and validation."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from function.core.tokenization import TextTokenizer
from scripts.train.architectures.architecture import TrainingRun
from scripts.train.batches import Batch, LabelCodes, TokenizedTexts, in_order
from scripts.train.corpus import label_codes, tokenize


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
    """Return the mean cross-entropy of the labels, mixed with a teacher's loss if there is one.

    Of several labels it is the binary one of each, of tags that of the words' first tokens.
    """
    logits = logits_of(model, batch.input_ids, batch.attention_mask).float()
    if batch.labels.shape == logits.shape:
        return functional.binary_cross_entropy_with_logits(logits, batch.labels.float())
    if batch.soft is None:
        return functional.cross_entropy(logits.flatten(0, -2), batch.labels.flatten())
    hard = functional.cross_entropy(logits, batch.labels, reduction="none")
    return batch.soft.mix(hard, batch.soft.divergence(logits, batch.soft.logits))


def training_examples(run: TrainingRun, tokenizer: TextTokenizer) -> TokenizedTexts:
    """Return the training texts, and those to which a teacher alone has answers."""
    more = run.teaching.texts if run.teaching else ()  # a label of which has no weight
    texts = [*run.corpus.train.texts, *more]
    return replace(tokenize(texts, training_codes(run), tokenizer), teaching=run.teaching)


def training_codes(run: TrainingRun) -> LabelCodes:
    """Return the labels of the training texts, and any for texts that a teacher alone answers."""
    codes: Any = label_codes(run.corpus.train, run.config.labels)
    return [*codes, *[0] * len(run.teaching.texts)] if run.teaching else codes


def held_out(run: TrainingRun, tokenizer: TextTokenizer) -> dict[str, TokenizedTexts]:
    """Return the start of each data set's validation part, as long as the configuration says."""
    return {
        name: tokenize(rows.texts, label_codes(rows, run.config.labels), tokenizer)
        for name, rows in run.held_out().items()
    }


def accuracies(
    parts: dict[str, TokenizedTexts], max_tokens: int, model: nn.Module
) -> dict[str, float]:
    """Return the share of right labels by data set, of texts cut to `max_tokens`.

    Of several labels a text it is their micro F1, at a probability of a half.
    """
    return {name: _accuracy(rows, max_tokens, model) for name, rows in parts.items()}


@torch.inference_mode()
def _accuracy(rows: TokenizedTexts, max_tokens: int, model: nn.Module) -> float:
    device = next(model.parameters()).device
    lengths = rows.lengths(max_tokens)
    correct, of = 0, 0.0
    for chosen in in_order(lengths, batch_texts=64, batch_tokens=8192):
        batch = rows.collate(chosen, max_tokens, None).to(device)
        logits = logits_of(model, batch.input_ids, batch.attention_mask)
        if batch.labels.shape == logits.shape:
            given, truth = logits > 0, batch.labels.bool()
            correct += int((given & truth).sum())
            of += int(given.sum() + truth.sum()) / 2
        else:
            correct += int((logits.argmax(-1) == batch.labels).sum())
            of += len(chosen)
    return correct / max(of, 1)
