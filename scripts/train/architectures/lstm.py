"""A bidirectional LSTM (Hochreiter & Schmidhuber 1997) over word vectors, trained from scratch.

A linear layer reads the largest and the mean of its states. Texts without labels may teach the word
vectors first.
"""

from functools import partial
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.batches import TokenizedTexts
from scripts.train.classifiers import accuracies, classification_loss, held_out, training_codes
from scripts.train.corpus import load_unlabelled
from scripts.train.loop import set_seeds
from scripts.train.word_pieces import learn_word_pieces, learn_word_vectors, tokenize_cached

NOTHING = -1e4  # below every state, in place of padding
UNKNOWN_ID = 1
LEARNT = 0.3  # factor of the learning rate, for word vectors that were learnt before


class LstmSettings(BaseModel):
    """The configuration's `[network]`. The `dropout` outside it is that of states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabulary: Annotated[int, Field(ge=16)] = 16_000  # pieces, learnt from the training texts
    embedding: Annotated[int, Field(ge=1)] = 128  # width of a piece's vector
    hidden: Annotated[int, Field(ge=1)] = 128  # width of a state in each direction
    forget: Annotated[float, Field(ge=0, lt=1)] = 0.1  # share of pieces made unknown in training
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3  # of vectors, by dimension


def train(run: TrainingRun) -> TrainedModel:
    """See `architecture.Architecture`."""
    run.require_head("softmax", "sigmoid")
    settings, corpus = run.settings(LstmSettings), run.corpus
    set_seeds(run.config.seed)
    # TrainedModel's file and the run's folder outlive the cache.
    tokenizer_file = run.folder / "tokenizer.json"
    learnt = learn_word_pieces(corpus.train.texts, settings.vocabulary)
    tokenizer_file.write_bytes(learnt.read_bytes())
    tokenizer = TextTokenizer(tokenizer_file)
    more = run.teaching.texts if run.teaching else ()
    ids = tokenize_cached([*corpus.train.texts, *more], tokenizer, tokenizer_file)
    vectors = None
    if run.config.unlabelled:
        others = load_unlabelled(run.config.unlabelled, run.data, run.config.encoding)
        vectors = learn_word_vectors(
            [*ids[: len(corpus.train)], *tokenize_cached(others, tokenizer, tokenizer_file)],
            tokenizer.vocabulary_size,
            settings.embedding,
            run.config.seed,
        )
    model = LstmClassifier(
        tokenizer.vocabulary_size, len(run.config.labels), run.config.dropout, settings
    )
    if vectors is not None:
        model.embedding.weight.data.copy_(torch.from_numpy(vectors))
    run.fit(
        model,
        classification_loss,
        TokenizedTexts(tokenizer, ids, training_codes(run), run.teaching),
        partial(accuracies, held_out(run, tokenizer), run.config.finetuning.epoch_max_tokens[-1]),
        # Vectors that were learnt from many texts are not to be forgotten over few.
        lambda name: LEARNT if vectors is not None and name == "embedding.weight" else 1.0,
    )
    config = {"model_type": "lstm", "labels": run.config.labels, **settings.model_dump()}
    return TrainedModel(model.cpu().eval(), tokenizer, tokenizer_file, config)


class LstmClassifier(nn.Module):
    """Token ids in, logits out. Padding changes nothing."""

    def __init__(
        self, vocabulary: int, labels: int, dropout: float, settings: LstmSettings
    ) -> None:
        super().__init__()
        self._settings, self._dropout = settings, dropout
        self.embedding = nn.Embedding(vocabulary, settings.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.lstm = BidirectionalLstm(settings.embedding, settings.hidden)
        self.output = nn.Linear(4 * settings.hidden, labels)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        vectors = self.embedding(self._forget(input_ids))
        vectors = nn.functional.dropout1d(vectors.mT, self._settings.dropout, self.training).mT
        states = self.lstm(vectors, attention_mask)
        read = attention_mask[:, :, None].to(states.dtype)
        largest = (states + (1 - read) * NOTHING).amax(dim=1)
        mean = (states * read).sum(dim=1) / read.sum(dim=1)
        summary = torch.cat([largest, mean], dim=-1)
        logits: torch.Tensor = self.output(
            nn.functional.dropout(summary, self._dropout, self.training)
        )
        return logits

    def _forget(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Replace some pieces by the unknown one, so that no single word is relied on."""
        if not self.training:
            return input_ids
        drawn = torch.rand(input_ids.shape, device=input_ids.device) < self._settings.forget
        return torch.where(drawn, UNKNOWN_ID, input_ids)


class BidirectionalLstm(nn.Module):
    """Two LSTMs, one of which runs from each text's end.

    torch's own bidirectional one would read the padding first, or need sequences packed by length,
    which no graph can do: here the text is turned round, and its states back.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.forwards = nn.LSTM(width, hidden, batch_first=True)
        self.backwards = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, vectors: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Map (texts, tokens, width) to (texts, tokens, 2 x hidden)."""
        position = torch.arange(vectors.shape[1], device=vectors.device)[None]
        length = attention_mask.sum(dim=1, keepdim=True)
        turned = torch.where(position < length, length - 1 - position, position)[:, :, None]
        onwards, _ = self.forwards(vectors)
        back, _ = self.backwards(_take(vectors, turned))
        return torch.cat([onwards, _take(back, turned)], dim=-1)


def _take(vectors: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    return vectors.gather(1, positions.expand(-1, -1, vectors.shape[2]))
