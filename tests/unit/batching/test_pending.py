import asyncio

import numpy as np
import pytest

from function.batching.pending import PendingRequest
from function.core.errors import PredictionError


def row(value):
    return np.array([value], dtype=np.float32)


def test_outputs_are_set_with_the_last_window_in_the_windows_order():
    async def ask():
        request = PendingRequest(2)
        request.begin()
        request.fill(1, row(2))
        assert not request.outputs.done()
        request.fill(0, row(1))
        return await request.outputs

    assert [each.tolist() for each in asyncio.run(ask()).logits] == [[1], [2]]


def test_the_queue_time_ends_with_the_first_batch_and_the_run_time_with_the_last():
    async def ask():
        request = PendingRequest(2)
        await asyncio.sleep(0.02)
        request.begin()
        request.fill(0, row(1))
        await asyncio.sleep(0.03)
        request.begin()
        request.fill(1, row(2))
        return await request.outputs

    outputs = asyncio.run(ask())
    assert outputs.queue_seconds >= 0.019
    assert outputs.run_seconds >= 0.029


def test_a_request_fails_once_whatever_becomes_of_its_other_windows():
    async def ask():
        request = PendingRequest(2)
        request.begin()
        request.fail(PredictionError("the first"))
        request.fail(PredictionError("the second"))
        request.fill(0, row(1))
        request.fill(1, row(2))
        await request.outputs

    with pytest.raises(PredictionError, match="the first"):
        asyncio.run(ask())


def test_a_cancelled_request_gets_no_outputs_and_no_error():
    async def ask():
        request = PendingRequest(1)
        request.outputs.cancel()
        request.begin()
        request.fill(0, row(1))
        request.fail(PredictionError("too late"))
        return request.outputs.cancelled()

    assert asyncio.run(ask())
