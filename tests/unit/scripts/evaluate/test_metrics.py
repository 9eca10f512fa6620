import numpy as np
import pytest

from scripts.evaluate.metrics import (
    calibration_error,
    figures,
    fit_temperature,
    macro_f1,
    rescale,
    wilson_interval,
)


def test_the_interval_of_a_share_is_wilsons():
    # Newcombe 1998, table I: 81 of 263.
    low, high = wilson_interval(81, 263)
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_an_interval_stays_inside_zero_and_one():
    assert wilson_interval(10, 10)[1] <= 1.0
    assert wilson_interval(0, 10)[0] >= 0.0


def test_confidence_without_accuracy_is_calibration_error():
    probabilities = np.tile([0.9, 0.1], (100, 1))
    truth = np.array([0] * 60 + [1] * 40)
    assert calibration_error(probabilities, truth) == pytest.approx(0.3)
    assert calibration_error(probabilities, np.array([0] * 90 + [1] * 10)) == pytest.approx(0)


def test_macro_f1_counts_a_rare_label_as_much_as_a_common_one():
    probabilities = np.tile([0.9, 0.1], (100, 1))
    truth = np.array([0] * 90 + [1] * 10)
    assert macro_f1(probabilities, truth) == pytest.approx((2 * 90 / 190) / 2)


def test_the_fitted_temperature_undoes_overconfidence():
    generator = np.random.default_rng(0)
    honest = generator.normal(0, 1.5, 4000)
    truth = (generator.random(4000) < 1 / (1 + np.exp(-honest))).astype(int)
    loud = 1 / (1 + np.exp(-3 * honest))
    probabilities = np.stack([1 - loud, loud], axis=1)
    temperature = fit_temperature(probabilities, truth)
    assert temperature == pytest.approx(3.0, rel=0.1)
    before, after = (
        calibration_error(p, truth) for p in (probabilities, rescale(probabilities, temperature))
    )
    assert after < 0.03 < 0.1 < before


def test_figures_hold_accuracy_with_its_interval():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    row = figures(probabilities, np.array([0, 1, 1, 1]))
    assert row["accuracy"] == 0.75
    assert row["accuracy_low"] < 0.75 < row["accuracy_high"]
    assert row["texts"] == 4
