import asyncio
import threading
import time

import numpy as np
import pytest

from function.batching.batcher import Batcher, BatchLimits
from function.batching.device import Device
from function.batching.runner import BatchRun, BatchRunner
from function.core.errors import PredictionError

POISON = 666


def window(tokens, value=0):
    return np.full(tokens, value, dtype=np.int64)


class Model:
    """Logits are (tokens, first token). Fails on poison, or on everything once it is dead."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.dead = False

    def run(self, windows):
        self.gate.wait(5)
        self.batches.append([len(window) for window in windows])
        if self.dead or any(window[0] == POISON for window in windows):
            raise RuntimeError("device-side assert")
        return np.array([[len(window), window[0]] for window in windows], dtype=np.float32)


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def make_batcher(model):
    """A batcher over the model. Call inside of a running loop."""

    def make(
        tokens=1000,
        wait=0.0,
        more_expected=lambda: False,
        device=None,
        watch=lambda batch: None,
    ):
        device = device or Device(1)
        runner = BatchRunner(model.run, device, window(1), watch)
        limits = BatchLimits(tokens, 16, wait)
        return Batcher(runner, device, limits, more_expected=more_expected)

    return make


async def let_tasks_run():
    for _ in range(10):
        await asyncio.sleep(0)


async def queued(batcher, model, requests):
    """Tasks that all wait for one call in progress, until the gate opens."""
    model.gate.clear()
    first = asyncio.create_task(batcher.run([window(1)]))
    await let_tasks_run()
    tasks = [asyncio.create_task(batcher.run(windows)) for windows in requests]
    await let_tasks_run()
    return first, tasks


def test_each_request_gets_its_own_rows_in_its_own_order(make_batcher, model):
    async def ask():
        batcher = make_batcher()
        requests = [[window(9, 1), window(3, 2)], [window(5, 3)], [window(2, 4), window(7, 5)]]
        return await asyncio.gather(*(batcher.run(windows) for windows in requests))

    results = asyncio.run(ask())
    assert [[row.tolist() for row in result.logits] for result in results] == [
        [[9, 1], [3, 2]],
        [[5, 3]],
        [[2, 4], [7, 5]],
    ]


def test_a_request_without_windows_waits_for_nothing_and_leaves_nothing(make_batcher, model):
    async def ask():
        batcher = make_batcher()
        first, (waiting,) = await queued(batcher, model, [[window(4)]])
        outputs = await asyncio.wait_for(batcher.run([]), 1)
        assert batcher.waiting == 1
        model.gate.set()
        await asyncio.gather(first, waiting)
        return outputs

    outputs = asyncio.run(ask())
    assert (outputs.logits, outputs.queue_seconds, outputs.run_seconds) == ([], 0, 0)
    assert model.batches == [[1], [4]]


def test_windows_that_wait_while_the_model_is_busy_run_together(make_batcher, model):
    async def ask():
        batcher = make_batcher()
        first, tasks = await queued(batcher, model, [[window(4)]] * 8)
        assert batcher.waiting == 8
        model.gate.set()
        await asyncio.gather(first, *tasks)

    asyncio.run(ask())
    assert model.batches == [[1], [4] * 8]


def test_a_poisoned_text_fails_alone(make_batcher, model):
    async def ask():
        device = Device(1)
        batcher = make_batcher(device=device)
        requests = [[window(4, value)] for value in (1, 2, POISON, 3, 4)]
        first, tasks = await queued(batcher, model, requests)
        model.gate.set()
        await first
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return results, device.broken

    results, broken = asyncio.run(ask())
    assert isinstance(results[2], PredictionError)
    assert "device-side assert" in str(results[2])
    answered = [result.logits[0][1] for result in results if not isinstance(result, Exception)]
    assert answered == [1, 2, 3, 4]
    assert not broken


@pytest.mark.parametrize("answered", [0, 1])
def test_a_model_that_fails_on_a_known_good_window_has_a_broken_device(
    make_batcher, model, answered
):
    async def ask():
        device = Device(1)
        batcher = make_batcher(device=device)
        for _ in range(answered):
            await batcher.run([window(3)])
        model.dead = True
        with pytest.raises(PredictionError):
            await batcher.run([window(4)])
        while not device.broken:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(ask(), 5))


def test_a_cancelled_request_leaves_the_queue_and_does_not_run(make_batcher, model):
    async def ask():
        batcher = make_batcher()
        first, (gone, here) = await queued(batcher, model, [[window(4)] * 3, [window(6)]])
        gone.cancel()
        await let_tasks_run()
        assert batcher.waiting == 1
        model.gate.set()
        await asyncio.gather(first, here)
        return gone.cancelled()

    assert asyncio.run(ask())
    assert model.batches == [[1], [6]]


def test_a_batch_waits_for_requests_that_are_being_tokenised(make_batcher, model):
    async def ask():
        coming = True
        batcher = make_batcher(wait=5.0, more_expected=lambda: coming)
        first = asyncio.create_task(batcher.run([window(4)]))
        await let_tasks_run()
        assert model.batches == []
        coming = False
        await asyncio.gather(first, batcher.run([window(4)]))

    asyncio.run(ask())
    assert model.batches == [[4, 4]]


def test_a_batch_waits_no_longer_than_it_may(make_batcher, model):
    async def ask():
        batcher = make_batcher(wait=0.05, more_expected=lambda: True)
        return await asyncio.wait_for(batcher.run([window(4)]), 2)

    outputs = asyncio.run(ask())
    assert 0.04 < outputs.queue_seconds < 1


def test_a_full_batch_does_not_wait(make_batcher, model):
    async def ask():
        batcher = make_batcher(tokens=8, wait=60.0, more_expected=lambda: True)
        await asyncio.wait_for(asyncio.gather(*(batcher.run([window(4)]) for _ in range(2))), 5)

    asyncio.run(ask())
    assert model.batches == [[4, 4]]


def test_every_batch_is_reported_with_its_padding(make_batcher, model):
    runs: list[BatchRun] = []

    async def ask():
        batcher = make_batcher(watch=runs.append)
        first, tasks = await queued(batcher, model, [[window(10)], [window(8)]])
        model.gate.set()
        await asyncio.gather(first, *tasks)

    asyncio.run(ask())
    figures = [(run.windows, run.tokens, run.padded_tokens, run.failed) for run in runs]
    assert figures == [(1, 1, 1, False), (2, 18, 20, False)]


@pytest.fixture
def slow_down(model, monkeypatch):
    """Make each call of the model take some seconds longer."""
    run = model.run

    def by(seconds):
        def slow(windows):
            time.sleep(seconds)
            return run(windows)

        monkeypatch.setattr(model, "run", slow)

    return by


@pytest.mark.parametrize("calls", [1, 2])
def test_the_time_of_a_window_is_shared_by_the_calls_that_run_at_once(
    make_batcher, slow_down, calls
):
    """Each call takes 0.05 seconds and runs two windows, however many calls run at once."""

    async def ask():
        device = Device(calls)
        batcher = make_batcher(tokens=100, device=device)
        await asyncio.gather(*(batcher.run([window(50)]) for _ in range(20)))
        return device.seconds_per_window

    slow_down(0.05)
    assert asyncio.run(ask()) == pytest.approx(0.025 / calls, rel=0.35)


def test_a_failed_call_costs_its_time_and_counts_no_windows(make_batcher, model, slow_down):
    async def ask():
        device = Device(1)
        batcher = make_batcher(device=device)
        first, (poisoned, answered) = await queued(
            batcher, model, [[window(4, POISON)], [window(4)]]
        )
        model.gate.set()
        await asyncio.gather(first, answered)
        with pytest.raises(PredictionError):
            await poisoned
        return device.seconds_per_window

    slow_down(0.02)
    # Calls: the first window, both together, then each alone, and the check of the device. Three
    # windows ran: the first, the good one, and the one that checks the device.
    assert asyncio.run(ask()) > 0.025
