"""How well a classifier in training does on texts that it does not learn from."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from function.core.decoding import Transitions, viterbi
from function.core.tokenization import TextTokenizer
from scripts.train.architectures.architecture import TrainingRun
from scripts.train.architectures.crf import LinearChainCrf, words_alone
from scripts.train.batches import TokenizedTexts, in_order
from scripts.train.corpus import tokenize
from scripts.train.objectives import logits_of
from scripts.train.tagged_batches import TaggedExamples, entities_of


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


def held_out_entities(
    run: TrainingRun, tokenizer: TextTokenizer, tags: Sequence[str]
) -> dict[str, TaggedExamples]:
    """The start of each data set's validation part, as long as the configuration wants it."""
    most = run.config.finetuning.validation_texts
    return {
        name: TaggedExamples.of(rows.select(range(min(len(rows), most))), tokenizer, tags, 1)
        for name, rows in run.corpus.validation.items()
    }


def f1_scores(
    parts: dict[str, TaggedExamples],
    tags: Sequence[str],
    crf: LinearChainCrf,
    max_tokens: int,
    model: nn.Module,
) -> dict[str, float]:
    """F1 of whole entities, by data set, of texts cut to so many tokens.

    model: gives emissions; crf: the transitions that it is trained with.
    """
    start, end, between = (each.detach().cpu().double().numpy() for each in crf.scores())
    transitions = Transitions(start, end, between)
    return {name: _f1(rows, tags, transitions, max_tokens, model) for name, rows in parts.items()}


@torch.inference_mode()
def _f1(
    rows: TaggedExamples,
    tags: Sequence[str],
    transitions: Transitions,
    max_tokens: int,
    model: nn.Module,
) -> float:
    device = next(model.parameters()).device
    right, claimed, present = 0, 0, 0
    for chosen in in_order(rows.lengths(max_tokens), batch_texts=64, batch_tokens=8192):
        batch = rows.collate(chosen, max_tokens, None).to(device)
        emissions, truth, words = (
            each.cpu().numpy()
            for each in words_alone(
                model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).float(),
                batch.labels,
            )
        )
        best = viterbi(emissions.astype(np.float64), words, transitions)
        for one, other, length in zip(best, truth, words, strict=True):
            found, true = (entities_of([tags[t] for t in row[:length]]) for row in (one, other))
            right += len(found & true)
            claimed += len(found)
            present += len(true)
    return 2 * right / max(1, claimed + present)
