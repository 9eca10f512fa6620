import numpy as np
import pytest

from function.core.tokenization import TextTokenizer
from scripts.train.batches import TokenizedTexts, in_order, plan_epoch

LENGTHS = list(np.random.default_rng(0).integers(3, 120, 1000))


def test_an_epoch_reads_every_row_once():
    batches = plan_epoch(LENGTHS, batch_texts=16, batch_tokens=800, seed=3)
    assert sorted(row for batch in batches for row in batch) == list(range(1000))


def test_no_batch_is_over_its_budget():
    for batch in plan_epoch(LENGTHS, batch_texts=16, batch_tokens=800, seed=3):
        assert len(batch) <= 16
        assert len(batch) == 1 or max(LENGTHS[row] for row in batch) * len(batch) <= 800


def test_grouping_by_length_saves_most_of_the_padding():
    batches = plan_epoch(LENGTHS, batch_texts=16, batch_tokens=10_000, seed=3)
    padded = sum(max(LENGTHS[row] for row in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(LENGTHS)


def test_a_seed_gives_the_same_plan_again():
    plans = [plan_epoch(LENGTHS, batch_texts=16, batch_tokens=800, seed=s) for s in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]


def test_evaluation_batches_read_every_row_once():
    batches = list(in_order(LENGTHS, batch_texts=16, batch_tokens=800))
    assert sorted(row for batch in batches for row in batch) == list(range(1000))


@pytest.fixture
def tokenizer(artifact):
    return TextTokenizer(artifact / "tokenizer.json")


def test_rows_are_framed_padded_and_masked(tokenizer):
    data = TokenizedTexts(tokenizer, [np.array([4, 5]), np.array([6])], [1, 0])
    batch = data.collate([0, 1], 8, None)
    assert batch.input_ids.tolist() == [[2, 4, 5, 3], [2, 6, 3, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch.labels.tolist() == [1, 0]


def test_long_rows_give_their_start_or_any_window(tokenizer):
    data = TokenizedTexts(tokenizer, [np.arange(100)], [0])
    assert data.collate([0], 6, None).input_ids[0].tolist() == [2, 0, 1, 2, 3, 3]
    generator = np.random.default_rng(0)
    starts = {int(data.collate([0], 6, generator).input_ids[0, 1]) for _ in range(50)}
    assert len(starts) > 20
