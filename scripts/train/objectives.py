"""What a phase minimises."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from scripts.train.batches import Batch
from scripts.train.loop import Loss


def logits_of(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """What a model answers, be it a tensor or, as of transformers, an object that has one."""
    output = model(input_ids=input_ids, attention_mask=attention_mask)
    logits: torch.Tensor = getattr(output, "logits", output)
    return logits


def classification_loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy of the labels."""
    logits = logits_of(model, batch.input_ids, batch.attention_mask)
    return functional.cross_entropy(logits.float(), batch.labels)


def masked_language_loss(
    mask_id: int, vocabulary_size: int, share: float, special: set[int]
) -> Loss:
    """Mean cross-entropy of hidden tokens (Devlin et al. 2019): of the chosen `share`, 80 % become
    the mask token, 10 % a random one, 10 % stay. Only chosen positions go through the output layer.
    """

    def loss(model: Any, batch: Batch) -> torch.Tensor:
        ids, device = batch.input_ids, batch.input_ids.device
        maskable = batch.attention_mask.bool()
        for token in special:
            maskable &= ids != token
        chosen = (torch.rand(ids.shape, device=device) < share) & maskable
        chosen[0, 1] |= not bool(chosen.any())  # a batch of tiny texts may have drawn none
        dice = torch.rand(ids.shape, device=device)
        masked = ids.masked_fill(chosen & (dice < 0.8), mask_id)
        random_ids = torch.randint_like(ids, vocabulary_size)
        masked = torch.where(chosen & (dice >= 0.9), random_ids, masked)
        hidden = model.base_model(input_ids=masked, attention_mask=batch.attention_mask)[0]
        head = next(
            child for name, child in model.named_children() if name != model.base_model_prefix
        )
        return functional.cross_entropy(head(hidden[chosen]).float(), ids[chosen])

    return loss
