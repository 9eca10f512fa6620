import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from function.core.decoding import softmax
from function.core.errors import PredictionError


@given(arrays(np.float32, (3, 4), elements=st.floats(-1000, 1000, width=32)), st.floats(0.1, 10))
def test_probabilities_add_up_to_one_and_keep_the_order(logits, temperature):
    probabilities = softmax(logits, temperature)
    assert probabilities.sum(1) == pytest.approx(np.ones(3))
    best = logits[np.arange(3), probabilities.argmax(1)]
    assert best == pytest.approx(logits.max(1), abs=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_logit_that_is_not_finite_is_an_error(value):
    with pytest.raises(PredictionError):
        softmax(np.array([[0.0, value]], dtype=np.float32), 1.0)
