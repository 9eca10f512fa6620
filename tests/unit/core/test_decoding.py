import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from function.core.decoding import activate, activate_row
from function.core.errors import PredictionError


@given(arrays(np.float32, (3, 4), elements=st.floats(-1000, 1000, width=32)), st.floats(0.1, 10))
def test_probabilities_add_up_to_one_and_keep_the_order(logits, temperature):
    probabilities = activate(logits / temperature, "softmax")
    assert probabilities.sum(1) == pytest.approx(np.ones(3))
    best = logits[np.arange(3), probabilities.argmax(1)]
    assert best == pytest.approx(logits.max(1), abs=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_logit_that_is_not_finite_is_an_error(value):
    with pytest.raises(PredictionError):
        activate(np.array([[0.0, value]]), "softmax")
    with pytest.raises(PredictionError):
        activate_row([0.0, value], "softmax")


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@given(row=st.lists(st.floats(-1000, 1000), min_size=1, max_size=5))
def test_one_text_has_the_scores_that_it_has_among_others(activation, row):
    alone = activate_row(row, activation)
    assert alone == pytest.approx(activate(np.array([row]), activation)[0].tolist(), rel=1e-9)


def test_sigmoid_scores_each_label_alone():
    scores = activate(np.array([[0.0, 500.0, -500.0]]), "sigmoid")
    assert scores[0].tolist() == pytest.approx([0.5, 1.0, 0.0])


def test_without_activation_the_softmax_of_the_scores_is_the_calibrated_probability():
    logits = np.array([[3.0, -1.0, 0.5]])
    raw = activate(logits / 1.7, "none")
    assert np.allclose(activate(raw, "softmax"), activate(logits / 1.7, "softmax"))
