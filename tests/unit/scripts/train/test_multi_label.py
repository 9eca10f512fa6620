"""Training of models that give texts several labels: loss, validation and thresholds."""

import numpy as np
import pytest
import torch
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.train.batches import TokenizedTexts
from scripts.train.classifiers import accuracies, classification_loss
from scripts.train.multi_label import fit_thresholds
from tests.tiny_entities import WORDS, tokenizer_of_words


class Lookup(nn.Module):
    """Logits of two labels that the token after [CLS] decides."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Embedding(len(WORDS), 2)
        nn.init.constant_(self.logits.weight, -2.0)
        with torch.no_grad():
            self.logits.weight[WORDS.index("ada")] = torch.tensor([2.0, 2.0])
            self.logits.weight[WORDS.index("paris")] = torch.tensor([-2.0, 2.0])

    def forward(self, input_ids, attention_mask):
        return self.logits(input_ids[:, 1])


@pytest.fixture
def examples(tmp_path):
    """Labels given: both, the second, none; true ones: both, both, none."""
    tokenizer_of_words().save(str(tmp_path / "tokenizer.json"))
    tokenizer = TextTokenizer(tmp_path / "tokenizer.json")
    ids = [encoded.ids for encoded in tokenizer.encode(["ada", "paris", "met"])]
    return TokenizedTexts(tokenizer, ids, [[1, 1], [1, 1], [0, 0]])


def test_the_loss_is_the_binary_one_of_each_label(examples):
    loss = classification_loss(Lookup(), examples.collate([0, 1, 2], 16, None))
    wrong, right = np.log1p(np.exp(2)), np.log1p(np.exp(-2))
    assert loss.item() == pytest.approx((wrong + 5 * right) / 6)


def test_validation_is_micro_f1(examples):
    assert accuracies({"toy": examples}, 16, Lookup()) == {"toy": pytest.approx(2 * 3 / (3 + 4))}


def test_a_threshold_has_the_best_f1_and_lies_near_a_half():
    truth = np.array([[True] * 2] * 30 + [[False] * 2] * 70)
    high = np.where(truth[:, 0], 0.35, 0.225)
    some_wrong = np.where(truth[:, 1], 0.8, 0.6)
    assert fit_thresholds(np.stack([high, some_wrong], axis=1), truth) == [0.34, 0.6]


def test_a_label_that_few_texts_have_or_lack_has_a_half():
    truth = np.zeros((100, 2), dtype=bool)
    truth[:19, 0] = True
    truth[19:, 1] = True
    probabilities = np.where(truth, 0.35, 0.2)
    assert fit_thresholds(probabilities, truth) == [0.5, 0.5]
    assert fit_thresholds(np.concatenate([probabilities] * 2), np.concatenate([truth] * 2)) == [
        0.34,
        0.34,
    ]
