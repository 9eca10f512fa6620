"""The loss of the CRF, compared with every sequence of tags tried in turn."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from function.core.decoding import Transitions, tag_probabilities, viterbi
from scripts.train.architectures.crf import IMPOSSIBLE, LinearChainCrf, words_alone
from scripts.train.batches import IGNORED
from scripts.train.tags import tags_of

TAGS = tags_of(["PER"])


@pytest.fixture
def crf():
    torch.manual_seed(4)
    made = LinearChainCrf(TAGS).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def likelihood(crf, emissions, tags):
    """-log of the share that a sequence has among all, by adding all of them up."""
    start, end, between = (each.detach().numpy() for each in crf.scores())

    def score(sequence):
        total = start[sequence[0]] + end[sequence[-1]]
        total += sum(between[pair] for pair in pairwise(sequence))
        return total + sum(emissions[word, tag] for word, tag in enumerate(sequence))

    every = [score(sequence) for sequence in product(range(len(TAGS)), repeat=len(emissions))]
    return np.logaddexp.reduce(every) - score(tags)


def test_the_loss_is_what_trying_every_sequence_says(crf):
    emissions = torch.randn(2, 4, len(TAGS), dtype=torch.float64)
    # Four words; and two, of which the second is three tokens long.
    tags = torch.tensor([[0, 1, 2, 3], [4, 0, IGNORED, IGNORED]])
    wanted = np.mean(
        [
            likelihood(crf, emissions[0].numpy(), [0, 1, 2, 3]),
            likelihood(crf, emissions[1, :2].numpy(), [4, 0]),
        ]
    )
    assert crf.loss(emissions, tags).mean().item() == pytest.approx(wanted)


def test_tokens_that_begin_no_word_change_nothing(crf):
    emissions = torch.randn(1, 5, len(TAGS), dtype=torch.float64)
    tags = torch.tensor([[IGNORED, 0, IGNORED, 4, IGNORED]])
    alone = crf.loss(emissions[:, [1, 3]], torch.tensor([[0, 4]])).mean()
    assert crf.loss(emissions, tags).mean().item() == pytest.approx(alone.item())


def test_words_are_moved_together_in_their_order():
    emissions = torch.arange(10.0).reshape(2, 5, 1)
    tags = torch.tensor([[IGNORED, 1, IGNORED, 2, IGNORED], [3, 4, 5, IGNORED, IGNORED]])
    moved, left, words = words_alone(emissions, tags)
    assert words.tolist() == [2, 3]
    assert moved[0, :2, 0].tolist() == [1, 3]
    assert moved[1, :, 0].tolist() == [5, 6, 7]
    assert left[0, :2].tolist() == [1, 2]


def test_training_it_makes_the_best_sequence_the_true_one():
    torch.manual_seed(0)
    crf = LinearChainCrf(TAGS)
    emissions = torch.nn.Parameter(torch.zeros(1, 4, len(TAGS)))
    tags = torch.tensor([[1, 2, 3, 0]])
    optimizer = torch.optim.Adam([emissions, *crf.parameters()], lr=0.1)
    for _ in range(50):
        loss = crf.loss(emissions, tags).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    tensors = {name: each.astype(np.float64) for name, each in crf.tensors().items()}
    best = viterbi(emissions.detach().double().numpy(), np.array([4]), Transitions(**tensors))
    assert best.tolist() == tags.tolist()


def test_what_no_entity_looks_like_stays_impossible(crf):
    tensors = crf.tensors()
    assert tensors["start"][TAGS.index("I-PER")] == IMPOSSIBLE
    assert tensors["end"][TAGS.index("B-PER")] == IMPOSSIBLE
    assert tensors["between"][TAGS.index("O"), TAGS.index("E-PER")] == IMPOSSIBLE
    assert tensors["between"][TAGS.index("B-PER"), TAGS.index("E-PER")] > IMPOSSIBLE


def test_marginals_are_those_that_serving_computes(crf):
    emissions = torch.randn(2, 4, len(TAGS), dtype=torch.float64)
    words = torch.tensor([4, 2])
    found = crf.log_marginals(emissions, words).exp().detach().numpy()
    transitions = Transitions(*(each.detach().numpy() for each in crf.scores()))
    wanted = tag_probabilities(emissions.numpy(), words.numpy(), transitions)
    assert found[0] == pytest.approx(wanted[0], abs=1e-9)
    assert found[1, :2] == pytest.approx(wanted[1, :2], abs=1e-9)
