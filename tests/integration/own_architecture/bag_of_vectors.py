"""The mean of the vectors of a text's pieces, and a linear layer (Joulin et al. 2017)."""

from functools import partial

import torch
from pydantic import BaseModel
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.train.architectures.architecture import TrainedModel, TrainingRun
from scripts.train.classifiers import (
    accuracies,
    classification_loss,
    held_out,
    training_examples,
)
from scripts.train.word_pieces import learn_word_pieces


class Settings(BaseModel):
    """What `[network]` of the configuration may say."""

    vocabulary: int = 2000
    width: int = 16


def train(run: TrainingRun) -> TrainedModel:
    """What the project calls: data in, a trained model and its tokenizer out."""
    settings = run.settings(Settings)
    tokenizer_file = learn_word_pieces(run.corpus.train.texts, settings.vocabulary)
    tokenizer = TextTokenizer(tokenizer_file)
    torch.manual_seed(run.config.seed)
    model = BagOfVectors(tokenizer.vocabulary_size, settings.width, len(run.config.labels))
    longest = run.config.finetuning.epoch_max_tokens[-1]
    run.fit(
        model,
        classification_loss,
        training_examples(run, tokenizer),
        partial(accuracies, held_out(run, tokenizer), longest),
    )
    return TrainedModel(model.cpu().eval(), tokenizer, tokenizer_file, {"model_type": "bag"})


class BagOfVectors(nn.Module):
    """Token ids and which of them are no padding in, logits out."""

    def __init__(self, vocabulary: int, width: int, labels: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, width)
        self.output = nn.Linear(width, labels)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        read = attention_mask[:, :, None].float()
        mean = (self.vectors(input_ids) * read).sum(dim=1) / read.sum(dim=1)
        logits: torch.Tensor = self.output(mean)
        return logits
