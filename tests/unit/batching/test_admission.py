import pytest

from function.batching.admission import WINDOW_CHARACTERS, Admission
from function.core.errors import OverloadedError

SHORT = "a film"


class Queues:
    """Queues as a test sets them."""

    windows = 0
    seconds_per_window = 0.0


@pytest.fixture
def queues():
    return Queues()


@pytest.fixture
def admission(queues):
    return Admission(10, 20, lambda: queues.windows, lambda: queues.seconds_per_window)


def test_texts_count_by_their_length_until_they_are_tokenised(admission):
    with admission.admit([SHORT, "a" * WINDOW_CHARACTERS, "a" * (WINDOW_CHARACTERS + 1)]):
        assert admission.held == 4
    assert admission.held == 0


def test_no_text_counts_for_more_than_a_request_may_cost(admission):
    with admission.admit(["a" * 1000 * WINDOW_CHARACTERS]):
        assert admission.held == 20


def test_a_better_estimate_replaces_the_first(admission):
    with admission.admit(["a" * 5 * WINDOW_CHARACTERS]) as claim:
        claim.update(2)
        assert admission.held == 2


def test_windows_in_a_queue_are_counted_once(admission, queues):
    with admission.admit([SHORT]) as claim:
        claim.update(5)
        claim.move_to_queue(3)
        queues.windows = 3
        assert admission.held == 5
        claim.move_to_queue(4)  # more than the claim
        assert admission.held == 3


def test_what_is_decoded_leaves_less_room_for_others(admission):
    with admission.admit([SHORT]) as claim:
        claim.move_to_queue(1)
        with claim.decoding(10), pytest.raises(OverloadedError), admission.admit([SHORT]):
            pass
        assert admission.held == 0


def test_a_request_comes_in_that_fills_it_to_the_last_and_the_next_does_not(admission, queues):
    queues.windows, queues.seconds_per_window = 8, 0.3
    first, next_one = admission.admit([SHORT] * 2), admission.admit([SHORT])
    with first, pytest.raises(OverloadedError) as refused, next_one:
        pass
    assert refused.value.retry_after == 3
    assert "10 windows of text are waiting; try again in 3 s" in str(refused.value)
    with admission.admit([SHORT] * 2):
        pass


def test_windows_outside_queues_count_for_the_retry_time_too(admission, queues):
    queues.seconds_per_window = 0.5
    first, next_one = admission.admit([SHORT] * 10), admission.admit([SHORT])
    with first, pytest.raises(OverloadedError) as refused, next_one:
        pass
    assert refused.value.retry_after == 5


@pytest.mark.parametrize(("seconds", "after"), [(0.0, 1), (100.0, 30)])
def test_the_retry_time_has_a_minimum_and_a_maximum(admission, queues, seconds, after):
    queues.windows, queues.seconds_per_window = 10, seconds
    with pytest.raises(OverloadedError) as refused, admission.admit([SHORT]):
        pass
    assert refused.value.retry_after == after


def test_a_request_that_turns_out_larger_than_the_room_is_refused(admission):
    with admission.admit([SHORT] * 5):
        with pytest.raises(OverloadedError), admission.admit([SHORT]) as claim:
            claim.update(6)
        assert admission.held == 5


def test_a_request_larger_than_all_there_is_comes_in_where_nothing_else_is(admission):
    with admission.admit([SHORT]) as claim:
        claim.update(100)
        assert admission.held == 100
        with pytest.raises(OverloadedError), admission.admit([SHORT]):
            pass
    with admission.admit([SHORT] * 11):
        pass
