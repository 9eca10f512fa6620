import asyncio

import numpy as np
import pytest

from function.batching.pending import PendingRequest
from function.core.errors import PredictionError


def row(value):
    return np.array([value], dtype=np.float32)


def test_an_outcome_is_there_with_the_last_window_in_the_windows_order():
    async def ask():
        request = PendingRequest(2)
        request.begin()
        request.fill(1, row(2))
        assert not request.outcome.done()
        request.fill(0, row(1))
        return await request.outcome

    assert [each.tolist() for each in asyncio.run(ask()).logits] == [[1], [2]]


def test_waiting_ends_with_the_first_batch_and_reading_with_the_last():
    async def ask():
        request = PendingRequest(2)
        await asyncio.sleep(0.02)
        request.begin()
        request.fill(0, row(1))
        await asyncio.sleep(0.03)
        request.begin()
        request.fill(1, row(2))
        return await request.outcome

    outcome = asyncio.run(ask())
    assert outcome.queued >= 0.019
    assert outcome.read >= 0.029


def test_a_request_fails_once_whatever_becomes_of_its_other_windows():
    async def ask():
        request = PendingRequest(2)
        request.begin()
        request.fail(PredictionError("the first"))
        request.fail(PredictionError("the second"))
        request.fill(0, row(1))
        request.fill(1, row(2))
        await request.outcome

    with pytest.raises(PredictionError, match="the first"):
        asyncio.run(ask())


def test_nobody_is_told_of_a_request_that_left():
    async def ask():
        request = PendingRequest(1)
        request.outcome.cancel()
        request.begin()
        request.fill(0, row(1))
        request.fail(PredictionError("too late"))
        return request.outcome.cancelled()

    assert asyncio.run(ask())
