import numpy as np
import pytest

from function.core.backend import pad
from scripts.evaluate.agreement import OneByOne, compare_labels
from scripts.evaluate.evaluation import Evaluation


def evaluation(*positive):
    probabilities = np.array([[1 - share, share] for share in positive])
    return Evaluation(probabilities, np.zeros(len(positive), int), np.ones(len(positive), int))


def test_it_is_the_share_of_texts_with_the_same_label():
    agreement = compare_labels(evaluation(0.9, 0.6, 0.2, 0.45), evaluation(0.8, 0.4, 0.3, 0.55))
    assert (agreement.texts, agreement.share) == (4, 0.5)
    assert agreement.low < 0.5 < agreement.high


def test_differences_are_of_probabilities():
    agreement = compare_labels(evaluation(0.9, 0.6), evaluation(0.8, 0.9))
    assert agreement.mean_difference == pytest.approx(0.2)
    assert agreement.max_difference == pytest.approx(0.3)
    assert agreement.p99_difference == pytest.approx(0.3)


def test_it_reports_how_sure_the_first_was_where_labels_differ():
    agreement = compare_labels(evaluation(0.9, 0.52, 0.3), evaluation(0.8, 0.4, 0.9))
    assert agreement.leads == pytest.approx([0.04, 0.4])


def test_it_reads_as_one_line():
    line = str(compare_labels(evaluation(0.9, 0.6), evaluation(0.8, 0.6)))
    assert line.startswith("100.00% of 2 texts [")
    assert "\n" not in line


class Recorder:
    """Answers with the length of what it reads and the sum of its ids."""

    def __init__(self):
        self.shapes = []

    def run(self, input_ids, attention_mask):
        self.shapes.append(input_ids.shape)
        return np.stack([attention_mask.sum(1), input_ids.sum(1)], axis=1).astype(np.float32)


def test_one_by_one_reads_each_window_alone_and_without_padding():
    recorder = Recorder()
    windows = [np.array([5, 6]), np.array([7, 8, 9]), np.array([4])]
    logits = OneByOne(recorder).run(*pad(windows, 1000))
    assert recorder.shapes == [(1, 2), (1, 3), (1, 1)]
    assert logits.tolist() == [[2, 11], [3, 24], [1, 4]]
