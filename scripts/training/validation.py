"""How well a classifier in training does on texts that it does not learn from."""

import torch
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.training.architectures.architecture import TrainingRun
from scripts.training.batches import in_order
from scripts.training.corpus import tokenize
from scripts.training.examples import TokenizedTexts
from scripts.training.objectives import logits_of


def held_out(run: TrainingRun, tokenizer: TextTokenizer) -> dict[str, TokenizedTexts]:
    """The start of each data set's validation part, as long as the configuration wants it."""
    most = run.config.finetuning.validation_texts
    return {
        name: tokenize(rows.select(range(min(len(rows), most))), tokenizer)
        for name, rows in run.corpus.validation.items()
    }


def accuracies(
    parts: dict[str, TokenizedTexts], max_tokens: int, model: nn.Module
) -> dict[str, float]:
    """The share of right labels, by data set, of texts cut to so many tokens."""
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
