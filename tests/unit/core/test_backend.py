import numpy as np

from function.core.backend import pad, run_in_batches

WINDOWS = [np.array([5, 6, 7]), np.array([4]), np.array([8, 9])]


class Recorder:
    """Answers with the sum of the ids that it is to read, and keeps the shapes of its batches."""

    def __init__(self):
        self.shapes = []

    def run(self, input_ids, attention_mask):
        self.shapes.append(input_ids.shape)
        return (input_ids * attention_mask).sum(1, keepdims=True).astype(np.float32)


def test_windows_are_padded_on_the_right_and_the_padding_is_masked():
    input_ids, attention_mask = pad(WINDOWS, 1000)
    assert input_ids.tolist() == [[5, 6, 7], [4, 1000, 1000], [8, 9, 1000]]
    assert attention_mask.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert input_ids.dtype == attention_mask.dtype == np.int64


def test_short_windows_are_run_first_and_answered_in_their_order():
    recorder = Recorder()
    outputs = run_in_batches(recorder, WINDOWS, 1000, batch_tokens=4)
    assert [output.tolist() for output in outputs] == [[18], [4], [17]]
    assert recorder.shapes == [(2, 2), (1, 3)]
