import time

import pytest

from function.batching.device import Device


def test_calls_that_run_at_once_share_the_time():
    device = Device(2)
    begun = time.perf_counter()
    time.sleep(0.05)
    device.count(begun, 1)
    time.sleep(0.05)
    device.count(begun, 1)
    assert device.seconds_per_window == pytest.approx(0.05, abs=0.02)


def test_a_call_that_runs_alone_took_all_of_its_time_and_no_more():
    device = Device(2)
    device.count(time.perf_counter(), 0)
    time.sleep(0.05)
    begun = time.perf_counter()
    time.sleep(0.02)
    device.count(begun, 1)
    assert device.seconds_per_window == pytest.approx(0.02, abs=0.015)


def test_a_window_takes_as_long_as_it_did_of_late():
    device = Device(1)
    begun = time.perf_counter()
    device.count(begun - 10, 1)
    for _ in range(100):
        device.count(time.perf_counter(), 10)
    assert device.seconds_per_window < 0.01


def test_before_anything_was_read_nobody_knows_how_long_a_window_takes():
    assert Device(1).seconds_per_window == 0
