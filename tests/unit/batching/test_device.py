import time

import pytest

from function.batching.device import Device


def test_calls_that_run_at_once_share_the_time():
    device = Device(2)
    begun = time.perf_counter()
    time.sleep(0.05)
    device.record_call(begun, 1)
    time.sleep(0.05)
    device.record_call(begun, 1)
    assert device.seconds_per_window == pytest.approx(0.05, abs=0.02)


def test_a_call_that_runs_alone_took_all_of_its_time_and_no_more():
    device = Device(2)
    device.record_call(time.perf_counter(), 0)
    time.sleep(0.05)
    begun = time.perf_counter()
    time.sleep(0.02)
    device.record_call(begun, 1)
    assert device.seconds_per_window == pytest.approx(0.02, abs=0.015)


def test_the_time_of_a_window_is_the_recent_one():
    device = Device(1)
    begun = time.perf_counter()
    device.record_call(begun - 10, 1)
    for _ in range(100):
        device.record_call(time.perf_counter(), 10)
    assert device.seconds_per_window < 0.01


def test_before_the_first_call_the_time_of_a_window_is_zero():
    assert Device(1).seconds_per_window == 0
