import numpy as np
import pytest

from scripts.evaluate.paired import bootstrap_interval, compare_paired, mcnemar


def test_mcnemars_p_value_is_the_coins():
    # Ten tosses: 2 (1 + 10) / 1024 for a split of 9 to 1.
    assert mcnemar(9, 1) == mcnemar(1, 9) == pytest.approx(22 / 1024)
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_mcnemars_p_value_is_exact_beyond_what_floats_hold():
    assert 0 < mcnemar(1000, 1500) < 1e-20
    assert mcnemar(2000, 2000) == 1.0


def test_only_rows_on_which_one_is_right_count_as_gained_or_lost():
    candidate = np.array([True, True, False, False, True])
    champion = np.array([True, False, True, False, False])
    paired = compare_paired(candidate, champion)
    assert (paired.gained, paired.lost, paired.rows) == (2, 1, 5)
    assert paired.difference == pytest.approx(0.2)


def test_the_interval_is_that_of_resampled_rows():
    differences = np.repeat([-1, 0, 1], [30, 950, 20])
    draws = np.random.default_rng(5).integers(0, 1000, (4000, 1000))
    expected = np.quantile(differences[draws].mean(1), [0.025, 0.975])
    assert bootstrap_interval(20, 30, 1000) == pytest.approx(expected, abs=0.0011)


def test_the_interval_covers_the_true_difference_about_95_times_in_100():
    generator = np.random.default_rng(11)
    counts = generator.multinomial(1500, [0.04, 0.93, 0.03], size=400)
    covered = 0
    for lost, _, gained in counts:
        low, high = bootstrap_interval(int(gained), int(lost), 1500)
        covered += low <= -0.01 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_same_answers_give_the_same_interval():
    assert bootstrap_interval(7, 9, 300) == bootstrap_interval(7, 9, 300)


def test_rows_that_never_differ_give_an_interval_of_no_width():
    assert bootstrap_interval(0, 0, 50) == (0.0, 0.0)
