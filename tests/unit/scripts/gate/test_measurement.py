import pytest

from scripts.data.forms import FORMS
from scripts.evaluate.heads import answer
from scripts.evaluate.label_answers import LabelAnswers
from scripts.gate.golden_set import GoldenSet
from scripts.gate.measurement import latency_texts, median_latencies
from tests.commands import run_python


class Machine:
    """A clock, and predictors that take their time on it, ever more of it."""

    def __init__(self, drift):
        self.now, self.turns, self._drift = 0.0, [], drift

    def predictor(self, name, seconds):
        machine = self

        class Slow:
            def predict(self, texts, options):
                machine.turns.append((name, tuple(texts)))
                machine.now += seconds * (1 + machine._drift * len(machine.turns))

        return Slow()


def test_candidate_and_champion_take_turns_text_by_text_and_in_going_first():
    machine = Machine(drift=0)
    pair = [machine.predictor("new", 1), machine.predictor("old", 1)]
    median_latencies(pair, ["a", "b", "c"], lambda: machine.now)
    asked = machine.turns[2:]
    assert [name for name, _ in asked] == ["new", "old", "old", "new", "new", "old"]
    assert [texts for _, texts in asked] == [("a",)] * 2 + [("b",)] * 2 + [("c",)] * 2


def test_the_median_is_in_milliseconds_of_each_own_answers():
    machine = Machine(drift=0)
    pair = [machine.predictor("new", 0.002), machine.predictor("old", 0.001)]
    assert median_latencies(pair, ["a"] * 9, lambda: machine.now) == pytest.approx([2, 1])


def test_a_machine_that_slows_down_slows_both():
    machine = Machine(drift=0.05)
    pair = [machine.predictor("new", 0.001), machine.predictor("old", 0.001)]
    new, old = median_latencies(pair, ["a"] * 40, lambda: machine.now)
    assert new / old == pytest.approx(1, abs=0.02)


def test_latency_is_measured_on_short_and_long_texts_alike():
    golden = GoldenSet(
        FORMS["label"], ["x" * length for length in range(100, 0, -1)], ["a", "b"] * 50
    )
    assert [len(text) for text in latency_texts(golden.texts, 4)] == [1, 26, 51, 76]
    assert len(latency_texts(["x", "y"], 5)) == 5


def test_answers_stand_in_the_order_of_the_golden_set(make_predictor):
    texts = ["good good good film the film is good", "dull", "the dull film is", "fine"]
    golden = GoldenSet(FORMS["label"], texts, ["positive", "negative", "negative", "positive"])
    positive = answer(LabelAnswers, make_predictor(), golden.rows, "test").probabilities[:, 1]
    # Logits (-v, v): the sigmoid of 2v, for v of 8, -2, -2, 2.
    assert positive == pytest.approx([1.0, 0.018, 0.018, 0.982], abs=1e-3)


def test_the_gate_needs_no_torch():
    code = "import sys, scripts.gate.decision; sys.exit('torch' in sys.modules)"
    assert run_python("-c", code).returncode == 0
