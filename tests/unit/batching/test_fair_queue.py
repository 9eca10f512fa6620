import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from function.batching.fair_queue import FairQueue


def window(tokens):
    return np.zeros(tokens, dtype=np.int64)


def padded(batch):
    return max(entry.tokens for entry in batch) * len(batch)


def drain(queue, budget):
    batches = []
    while batch := queue.take(budget):
        batches.append(batch)
    return batches


requests = st.lists(st.lists(st.integers(1, 512), min_size=1, max_size=20), max_size=12)


@given(requests, st.integers(1, 2048), st.integers(0, 64))
def test_every_window_is_taken_once_and_batches_keep_to_the_budget(lengths, budget, call_tokens):
    queue = FairQueue[int](call_tokens)
    for owner, windows in enumerate(lengths):
        queue.put(owner, [window(tokens) for tokens in windows])
    assert queue.tokens == sum(map(sum, lengths))
    batches = drain(queue, budget)
    taken = sorted((entry.owner, entry.index) for batch in batches for entry in batch)
    expected = [
        (owner, index) for owner, windows in enumerate(lengths) for index in range(len(windows))
    ]
    assert taken == expected
    assert all(len(batch) == 1 or padded(batch) <= budget for batch in batches)
    assert len(queue) == queue.tokens == 0


@given(requests, st.integers(1, 2048))
def test_every_batch_holds_the_window_whose_turn_it_is(lengths, budget):
    queue = FairQueue[int](16)
    for owner, windows in enumerate(lengths):
        queue.put(owner, [window(tokens) for tokens in windows])
    while len(queue):
        remaining = list(queue._waiting)
        assert min(remaining) in queue.take(budget)


@given(requests, st.integers(0, 64))
def test_padding_never_costs_more_than_the_calls_it_saves(lengths, call_tokens):
    queue = FairQueue[int](call_tokens)
    for owner, windows in enumerate(lengths):
        queue.put(owner, [window(tokens) for tokens in windows])
    for batch in drain(queue, 4096):
        alone = sum(entry.tokens + call_tokens for entry in batch)
        assert padded(batch) + call_tokens <= alone


def test_a_discarded_request_leaves_and_the_others_stay():
    queue = FairQueue[str](16)
    queue.put("gone", [window(10)] * 3)
    queue.put("here", [window(10)])
    queue.discard("gone")
    queue.discard("never there")
    (batch,) = drain(queue, 1000)
    assert [entry.owner for entry in batch] == ["here"]


def test_a_short_text_is_next_though_a_long_one_came_first():
    queue = FairQueue[str](16)
    queue.put("long", [window(512)] * 100)
    queue.take(512)
    queue.put("short", [window(20)])
    owners = [queue.take(512)[0].owner for _ in range(2)]
    assert "short" in owners


def test_a_long_text_is_run_to_its_end_though_short_ones_keep_coming():
    queue = FairQueue[str](16)
    queue.put("long", [window(512)] * 4)
    for number in range(1000):
        queue.put(f"short {number}", [window(100)])
        queue.take(100)
        if not any(entry.owner == "long" for entry in queue._waiting):
            break
    else:
        raise AssertionError("the long text starved")
    assert number < 100


def test_two_long_texts_share_the_model_by_turns():
    queue = FairQueue[str](16)
    queue.put("first", [window(512)] * 10)
    queue.put("second", [window(512)] * 10)
    owners = [queue.take(512)[0].owner for _ in range(10)]
    assert abs(owners.count("first") - owners.count("second")) <= 1


def test_short_texts_are_run_together_and_a_long_one_is_not_padded_onto_them():
    queue = FairQueue[int](16)
    for owner, tokens in enumerate([12, 400, 14, 13, 390, 15]):
        queue.put(owner, [window(tokens)])
    batches = [sorted(entry.tokens for entry in batch) for batch in drain(queue, 1024)]
    assert batches == [[12, 13, 14, 15], [390, 400]]
