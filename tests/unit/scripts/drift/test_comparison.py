"""Distances, bands and tests: against known figures, and against what chance really does."""

import numpy as np
import pytest

from scripts.drift.distributions import Distribution, FeedbackCounts
from scripts.drift.verdict import (
    accuracy_interval,
    compare_accuracy,
    compare_distributions,
    holm,
    stability_index,
)

EDGES = np.arange(11.0)
SHARES = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.2, 0.13, 0.1, 0.04, 0.01])


def numbers(counts):
    counts = np.array(counts, dtype=float)
    return Distribution([str(n) for n in range(len(counts))], counts, EDGES[: len(counts) + 1])


def labels(**counts):
    return Distribution([*counts], np.array([*counts.values()], dtype=float))


def test_the_index_is_the_sum_over_shares_that_its_formula_says():
    index = stability_index(np.array([7000.0, 3000.0]), np.array([5000.0, 5000.0]))
    by_hand = (0.5 - 0.7) * np.log(0.5 / 0.7) + (0.5 - 0.3) * np.log(0.5 / 0.3)
    assert index == pytest.approx(by_hand, abs=1e-4)


def test_the_index_of_an_empty_bin_is_finite():
    assert 1 < stability_index(np.array([500.0, 500.0]), np.array([0.0, 300.0])) < 10


def test_what_is_the_same_is_at_no_distance():
    same = compare_distributions(numbers(1000 * SHARES), numbers(1000 * SHARES), beyond=0.01)
    assert same.effect == pytest.approx(0)
    assert same.p_value == pytest.approx(1)


@pytest.mark.parametrize(("texts", "known"), [(400, 300), (50, 20_000)])
def test_quiet_windows_are_beyond_the_band_as_often_as_was_asked_for(texts, known):
    """The reference is a sample too, so that what it says is off by chance as a window is."""
    generator = np.random.default_rng(3)
    beyond = significant = 0
    for _ in range(200):
        reference, window = (
            numbers(generator.multinomial(size, SHARES)) for size in (known, texts)
        )
        found = compare_distributions(reference, window, beyond=0.05)
        beyond += found.effect > found.band
        significant += found.p_value < 0.05
    assert 0.01 < beyond / 200 < 0.12
    assert 0.01 < significant / 200 < 0.12


def test_a_small_reference_widens_the_band():
    window = numbers(1000 * SHARES)
    small, large = (
        compare_distributions(numbers(size * SHARES), window, beyond=0.01).band
        for size in (300, 30_000)
    )
    assert small > 2 * large


def test_rare_bins_count_together_so_that_no_single_text_is_a_change():
    reference = numbers([1, *[200] * 5])
    assert compare_distributions(reference, numbers([2, *[20] * 5]), beyond=0.01).effect < 0.01
    assert compare_distributions(reference, numbers([60, *[8] * 5]), beyond=0.01).p_value < 1e-6


def test_a_label_that_the_reference_never_saw_is_a_change():
    found = compare_distributions(
        labels(a=900, b=100, other=0), labels(a=80, b=10, other=40), beyond=0.01
    )
    assert found.effect > max(found.band, 0.1)
    assert found.p_value < 1e-6


def test_one_label_alone_can_not_change():
    assert (
        compare_distributions(labels(a=900, other=0), labels(a=80, other=0), beyond=0.01).p_value
        == 1
    )


@pytest.mark.parametrize(
    ("reference", "window"),
    [
        (numbers([1000, 0, 0, 0]), numbers([0, 0, 300, 200])),
        (numbers([3, 4, 993, 0]), numbers([200, 200, 100, 0])),
        (numbers([920, 50, 30, 0]), numbers([20, 20, 10, 0])),
        (labels(a=900, other=0), labels(a=20, other=60)),
    ],
)
def test_what_leaves_the_one_bin_that_held_nearly_all_is_a_change(reference, window):
    found = compare_distributions(reference, window, beyond=0.01)
    assert found.effect > max(found.band, 0.1)
    assert found.p_value < 1e-6


@pytest.mark.parametrize("texts", [50, 400])
def test_quiet_windows_of_one_bin_seldom_seem_changed(texts):
    generator = np.random.default_rng(4)
    shares = [0.01, 0.93, 0.05, 0.01]
    wrong = 0
    for _ in range(300):
        reference, window = (numbers(generator.multinomial(size, shares)) for size in (500, texts))
        found = compare_distributions(reference, window, beyond=0.05)
        wrong += found.effect > found.band and found.p_value < 0.05
    assert wrong / 300 < 0.12


def test_accuracy_that_was_lost_is_distinguished_from_bad_luck():
    before = FeedbackCounts(930, 1000)
    lost = compare_accuracy(before, FeedbackCounts(160, 200), beyond=0.01)
    assert lost.effect == pytest.approx(0.13)
    assert lost.effect > lost.band
    assert lost.p_value < 1e-6
    unlucky = compare_accuracy(before, FeedbackCounts(183, 200), beyond=0.01)
    assert unlucky.effect < unlucky.band
    assert unlucky.p_value > 0.05


def test_accuracy_that_was_won_is_no_loss():
    assert (
        compare_accuracy(FeedbackCounts(800, 1000), FeedbackCounts(200, 200), beyond=0.01).p_value
        > 0.99
    )


def test_the_interval_is_wilsons():
    assert accuracy_interval(FeedbackCounts(45, 50)) == pytest.approx((0.7864, 0.9565), abs=1e-4)


def test_tests_are_corrected_for_their_number_after_holm():
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.7, "b": 0.9})["a"] == 1
    assert holm({}) == {}
