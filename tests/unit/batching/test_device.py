import time

import pytest

from function.batching.device import Device


def test_calls_that_run_at_once_share_the_time():
    device = Device(2)
    begun = time.perf_counter()
    time.sleep(0.05)
    assert device.spent(begun) == pytest.approx(0.05, abs=0.02)
    time.sleep(0.02)
    assert device.spent(begun) == pytest.approx(0.02, abs=0.015)


def test_a_call_that_runs_alone_took_all_of_its_time_and_no_more():
    device = Device(2)
    device.spent(time.perf_counter())
    time.sleep(0.05)
    begun = time.perf_counter()
    time.sleep(0.02)
    assert device.spent(begun) == pytest.approx(0.02, abs=0.015)
