"""Entities: a small encoder, a bidirectional LSTM and a CRF (Lample et al. 2016).

                    capitals ──┐
text ─► word pieces ─► vectors ┴► encoder layers ─► BiLSTM ─► emissions ─► CRF ─► tags of words

The encoder lower-cases, so that it knows a word in every casing. For what that loses, a vector of
the piece's capitals is added to its word vector. The word vectors themselves stay as they are:
training has few names, and would move only theirs. Texts are learnt alone and with the sentences
that follow them, since people send both.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Annotated, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.nn import functional
from transformers import AutoModel

from function.core.casing import Casing
from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.architectures.crf import LinearChainCrf, f1_scores, words_alone
from scripts.train.architectures.lstm import BidirectionalLstm
from scripts.train.base_checkpoint import find_base, loading, save_tokenizer
from scripts.train.batches import Batch
from scripts.train.loop import set_seeds
from scripts.train.tagged_batches import TaggedExamples, hide
from scripts.train.tags import tags_of

LEVELS = 7  # on either side of zero
CLIPS = torch.linspace(0.6, 1.0, 9)  # of a row's largest number, tried for the least error


class BiLstmCrfSettings(BaseModel):
    """The configuration's `[network]`.

    `hidden_words` is the share of the words that training replaces by the checkpoint's mask, other
    ones in each epoch, so that the words around a name count too, not only the names that training
    has. `recased` is the share of the texts that it reads in lower case, in capitals or as a title.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: Annotated[int, Field(ge=1)] = 6  # of the checkpoint, from below
    hidden: Annotated[int, Field(ge=1)] = 128  # width of a state in each direction
    passage: Annotated[int, Field(ge=1)] = 6  # most sentences of a document that training joins
    bfloat16: bool = False  # in the checkpoint's layers: several times faster with AMX
    rate: Annotated[float, Field(gt=0)] = 10.0  # factor for all but the checkpoint's parameters
    hidden_words: Annotated[float, Field(ge=0, lt=1)] = 0.0
    recased: Annotated[float, Field(ge=0, lt=1)] = 0.0


def train(run: TrainingRun) -> TrainedModel:
    """See `architecture.Architecture`."""
    run.require_head("crf")
    config, settings = run.config, run.settings(BiLstmCrfSettings)
    if not config.base:
        raise UsageError("base: name the checkpoint whose layers are taken, or give --base")
    set_seeds(config.seed)
    base = find_base(config.base)
    tokenizer_file = save_tokenizer(base, run.folder)
    tokenizer = TextTokenizer(tokenizer_file, casing=True)
    tags = tags_of(config.labels)
    model = BiLstmCrf(base, tokenizer.vocabulary_size, tags, config.dropout, settings)
    parts = {
        name: TaggedExamples.of(rows, tokenizer, tags, 1) for name, rows in run.held_out().items()
    }
    examples = TaggedExamples.of(
        run.corpus.train, tokenizer, tags, settings.passage, run.teaching, settings.recased
    )
    run.fit(
        model,
        crf_loss,
        hide(examples, settings.hidden_words, base),
        partial(f1_scores, parts, tags, config.finetuning.epoch_max_tokens[-1]),
        lambda name: 1.0 if name.startswith("encoder.") else settings.rate,
    )
    network = {"model_type": "bilstm_crf", "tags": tags, **settings.model_dump()}
    model.cpu().eval()
    return TrainedModel(
        model, tokenizer, tokenizer_file, network, decoder=model.crf.tensors(), casing=True
    )


class BiLstmCrf(nn.Module):
    """Token ids with their casing in, emissions out."""

    def __init__(
        self,
        base: str,
        vocabulary: int,
        tags: Sequence[str],
        dropout: float,
        settings: BiLstmCrfSettings,
    ) -> None:
        super().__init__()
        self._vocabulary, self._bfloat16 = vocabulary, settings.bfloat16
        with loading(base):
            self.encoder = AutoModel.from_pretrained(
                base, dtype=torch.float32, add_pooling_layer=False
            )
        layers = self.encoder.encoder.layer
        if settings.layers > len(layers):
            raise UsageError(f"network.layers: {base} has {len(layers)}")
        self.encoder.encoder.layer = layers[: settings.layers]
        self.encoder.config.num_hidden_layers = settings.layers
        self.encoder.embeddings.requires_grad_(requires_grad=False)
        table = self.encoder.embeddings.word_embeddings.weight
        self.words = PackedEmbedding(table.detach())
        self.encoder.embeddings.word_embeddings = nn.Identity()  # ids never come there
        width = self.encoder.config.hidden_size
        self.casing = nn.Embedding(len(Casing), width)
        nn.init.zeros_(self.casing.weight)  # it begins as the checkpoint is
        self.dropout = nn.Dropout(dropout)
        self.lstm = BidirectionalLstm(width, settings.hidden)
        self.output = nn.Linear(2 * settings.hidden, len(tags))
        self.crf = LinearChainCrf(tags)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        words = self.words(input_ids % self._vocabulary)
        vectors = words + self.casing(input_ids // self._vocabulary)
        states = self.lstm(self.dropout(self._encode(vectors, attention_mask)), attention_mask)
        emissions: torch.Tensor = self.output(self.dropout(states))
        return emissions

    def _encode(self, vectors: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        halved = self.training and self._bfloat16
        with torch.autocast(vectors.device.type, torch.bfloat16) if halved else nullcontext():
            encoded = self.encoder(inputs_embeds=vectors, attention_mask=attention_mask)
        states: torch.Tensor = encoded.last_hidden_state.float()
        return states


def crf_loss(model: nn.Module, batch: Batch) -> torch.Tensor:
    """Return the mean of `LinearChainCrf.loss`, mixed with a teacher's loss if there is one.

    That is the divergence of the tags' probabilities, summed over the words of a text.
    """
    emissions = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).float()
    crf = cast("BiLstmCrf", model).crf
    hard = crf.loss(emissions, batch.labels)
    if batch.soft is None:
        return hard.mean()
    teacher, _, words = words_alone(batch.soft.logits, batch.labels)
    student = crf.log_marginals(words_alone(emissions, batch.labels)[0], words)
    inside = torch.arange(student.shape[1], device=words.device) < words[:, None]
    return batch.soft.mix(hard, (batch.soft.divergence(student, teacher) * inside).sum(dim=1))


class PackedEmbedding(nn.Module):
    """A table of word vectors in four bits a number, which training leaves as it is.

    Two numbers lie in each byte, and each row has one scale. The table is half of a small encoder.
    It is rounded before training, so that the layers above learn on the very vectors that are
    served.
    """

    packed: torch.Tensor
    scale: torch.Tensor

    def __init__(self, table: torch.Tensor) -> None:
        """Round a table, (rows, width) of an even width, with the least squared error by row."""
        super().__init__()
        largest = table.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(table.dtype).tiny)
        best = largest / LEVELS
        error = (_round(table, best) * best - table).square().sum(dim=1, keepdim=True)
        for clip in CLIPS:
            scale = largest * clip / LEVELS
            tried = (_round(table, scale) * scale - table).square().sum(dim=1, keepdim=True)
            best = torch.where(tried < error, scale, best)
            error = torch.minimum(tried, error)
        codes = (_round(table, best) + LEVELS + 1).to(torch.uint8)
        half = table.shape[1] // 2
        self.register_buffer("packed", codes[:, :half] | (codes[:, half:] << 4))
        self.register_buffer("scale", best.float())

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        both = functional.embedding(ids, self.packed).float()
        high = torch.floor(both / 16)  # by arithmetic: graphs have no shifts of all types
        codes = torch.cat([both - 16 * high, high], dim=-1)
        return (codes - (LEVELS + 1)) * functional.embedding(ids, self.scale)


def _round(table: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (table / scale).round().clamp(-LEVELS, LEVELS)
