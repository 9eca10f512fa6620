"""A transformers checkpoint, adapted on unlabelled text and fine-tuned on labels."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.architectures.crf import f1_scores
from scripts.train.base_checkpoint import MODELS, find_base, loading, save_tokenizer
from scripts.train.batches import Batch, Examples
from scripts.train.classifiers import accuracies, classification_loss, held_out, training_examples
from scripts.train.config import PretrainingConfig, TrainConfig
from scripts.train.corpus import load_unlabelled, tokenize
from scripts.train.loop import Evaluate, Loss, set_seeds
from scripts.train.tagged_batches import TaggedExamples
from scripts.train.tags import BIO, tags_of

PASSAGE = 6  # most sentences of a document that training joins, where words are tagged
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


def train(run: TrainingRun) -> TrainedModel:
    """Run every phase of the configuration, resuming where a run was killed."""
    run.require_head("softmax", "sigmoid", "argmax")
    config = run.config
    if not config.base:
        raise UsageError("base: name the checkpoint that training starts from, or give --base")
    set_seeds(config.seed)
    base = find_base(config.base)
    tokenizer_file = save_tokenizer(base, run.folder)
    tokenizer = TextTokenizer(tokenizer_file)
    if config.pretraining:
        base = str(_pretrain(run, base, config.pretraining, tokenizer))
    with loading(base):
        model, loaded = MODELS[config.task].from_pretrained(
            base,
            config=_checkpoint_config(base, config),
            dtype=torch.float32,
            output_loading_info=True,
        )
    if config.finetuning.base_share is not None and loaded["missing_keys"]:
        lacking = ", ".join(sorted(loaded["missing_keys"]))
        raise UsageError(
            f"finetuning.base_share: base {base} lacks {lacking}, which would stay partly random: "
            "leave base_share out, or give a base that was trained for the task"
        )
    if config.head == "argmax":
        run.fit(model, classification_loss, *_tagged(run, tokenizer))
    else:
        evaluate = partial(
            accuracies, held_out(run, tokenizer), config.finetuning.epoch_max_tokens[-1]
        )
        run.fit(model, classification_loss, training_examples(run, tokenizer), evaluate)
    settings = json.loads(model.config.to_json_string())
    return TrainedModel(model.cpu().eval(), tokenizer, tokenizer_file, settings)


def _tagged(run: TrainingRun, tokenizer: TextTokenizer) -> tuple[Examples, Evaluate]:
    """Return the training texts with their words' tags, and the validation."""
    tags, longest = tags_of(run.config.labels, BIO), run.config.finetuning.epoch_max_tokens[-1]
    parts = {
        name: TaggedExamples.of(rows, tokenizer, tags, 1) for name, rows in run.held_out().items()
    }
    train = TaggedExamples.of(run.corpus.train, tokenizer, tags, PASSAGE)
    return train, partial(f1_scores, parts, tags, longest)


def _pretrain(
    run: TrainingRun, base: str, settings: PretrainingConfig, tokenizer: TextTokenizer
) -> Path:
    """Train on masked texts and return the folder of the adapted checkpoint."""
    adapted = run.folder / "adapted"
    if (adapted / "model.safetensors").exists():
        return adapted
    with loading(base):
        names = AutoTokenizer.from_pretrained(base)
        if names.mask_token_id is None:
            raise UsageError(f"{base} has no mask token: remove [pretraining].")
        model = AutoModelForMaskedLM.from_pretrained(base, dtype=torch.float32)
    texts = load_unlabelled(settings, run.data, run.config.encoding)
    loss = masked_language_loss(
        names.mask_token_id, model.config.vocab_size, settings.masked, set(names.all_special_ids)
    )
    examples = tokenize(texts, [0] * len(texts), tokenizer)
    run.phase("pretraining", model, loss, settings).run(examples)
    model.save_pretrained(adapted)
    return adapted


def masked_language_loss(
    mask_id: int, vocabulary_size: int, share: float, special: set[int]
) -> Loss:
    """Return the mean cross-entropy of hidden tokens (Devlin et al. 2019), as a loss.

    Of the chosen `share`, 80 % become the mask token, 10 % a random one, 10 % stay. Only chosen
    positions go through the output layer.
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


def _checkpoint_config(base: str, config: TrainConfig) -> Any:
    """Return the checkpoint's configuration with our labels and dropout, under its own names."""
    names = tags_of(config.labels, BIO) if config.head == "argmax" else config.labels
    own = AutoConfig.from_pretrained(
        base,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: code for code, name in enumerate(names)},
    )
    if config.head == "sigmoid":
        own.problem_type = "multi_label_classification"
    for name in DROPOUTS:
        if hasattr(own, name):
            setattr(own, name, config.dropout)
    return own
