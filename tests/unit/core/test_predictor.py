import math

import numpy as np
import pytest

from function.core.backend import pad, run_in_batches
from function.core.errors import BatchTooLargeError, InputError, PredictionError
from function.core.types import Options


def probability(log_odds):
    return 1 / (1 + math.exp(-log_odds))


def test_the_score_is_the_softmax_of_the_graph(make_predictor):
    (prediction,), _ = make_predictor().predict(["good film"], Options())
    assert prediction.label == "positive"
    assert prediction.score == pytest.approx(probability(4.0), rel=1e-6)


def test_scores_are_best_first_and_add_up_to_one(make_predictor):
    (prediction,), _ = make_predictor().predict(["dull film"], Options())
    assert [entry.label for entry in prediction.scores] == ["negative", "positive"]
    assert sum(entry.score for entry in prediction.scores) == pytest.approx(1.0)


def test_temperature_divides_the_logits(make_predictor):
    (prediction,), _ = make_predictor(temperature=2.0).predict(["good"], Options())
    assert prediction.score == pytest.approx(probability(2.0), rel=1e-6)


def test_top_k_keeps_the_best(make_predictor):
    (prediction,), _ = make_predictor().predict(["good"], Options(top_k=1))
    assert [entry.label for entry in prediction.scores] == ["positive"]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_how_sure_an_answer_is_does_not_depend_on_what_was_asked_for(make_predictor, activation):
    options = Options(top_k=1, activation=activation)
    (prediction,), _ = make_predictor().predict(["good"], options)
    assert prediction.certainty == pytest.approx(probability(4.0), rel=1e-6)
    assert prediction.margin == pytest.approx(2 * probability(4.0) - 1, rel=1e-6)


def test_the_best_label_is_the_best_where_scores_are_too_near_one_to_differ(make_predictor):
    predictor, options = make_predictor(), Options(activation="sigmoid")
    logits = np.array([50.0, 60.0], dtype=np.float32)
    (prediction,) = predictor.decode(predictor.encode(["good"], options), [logits], options)
    assert [entry.score for entry in prediction.scores] == [1.0, 1.0]
    assert prediction.label == "positive"


def test_answers_come_in_the_order_of_the_texts(make_predictor):
    texts = ["good " * 20, "bad", "the film is good", "bad film " * 9]
    together, _ = make_predictor().predict(texts, Options())
    alone = [make_predictor().predict([text], Options())[0][0] for text in texts]
    assert [p.score for p in together] == pytest.approx([p.score for p in alone])
    assert [p.label for p in together] == ["positive", "negative", "positive", "negative"]


def test_a_long_text_is_run_to_its_end_in_windows(make_predictor):
    text = "the film is " * 5 + "bad"
    (prediction,), _ = make_predictor().predict([text], Options())
    assert (prediction.label, prediction.tokens, prediction.truncated) == ("negative", 16, False)
    assert prediction.windows == 4


def test_windows_are_averaged(make_predictor):
    (prediction,), _ = make_predictor(stride=0).predict(["good " * 6 + "the " * 6], Options())
    assert prediction.windows == 2
    assert prediction.score == pytest.approx(probability(24.0 / 2), rel=1e-5)


def test_a_truncated_text_is_reported(make_predictor):
    text = "the film is " * 5 + "bad"
    (prediction,), _ = make_predictor().predict([text], Options(long_text="truncate"))
    assert (prediction.windows, prediction.truncated) == (1, True)
    assert prediction.score == pytest.approx(0.5)


@pytest.mark.parametrize(("words", "truncated"), [(6, False), (7, True)])
def test_a_text_without_its_middle_is_reported(make_predictor, words, truncated):
    (prediction,), _ = make_predictor().predict(["good " * words], Options(long_text="head_tail"))
    assert (prediction.windows, prediction.truncated) == (1, truncated)


def test_windows_beyond_the_artifacts_limit_are_cut_and_said_so(make_predictor):
    (prediction,), _ = make_predictor(max_windows=2).predict(["good " * 50], Options())
    assert (prediction.windows, prediction.truncated) == (2, True)


def test_a_request_of_too_many_windows_is_refused(make_predictor):
    with pytest.raises(BatchTooLargeError, match="send fewer or shorter"):
        make_predictor(max_request_windows=3).predict(["good"] * 4, Options())


def test_a_text_of_nothing_is_refused_by_its_number(make_predictor):
    with pytest.raises(InputError, match="text 1 is empty"):
        make_predictor().predict(["good", " \t"], Options())


def test_an_answer_that_is_no_number_is_an_error(make_predictor):
    predictor = make_predictor(values={"good": float("nan")})
    with pytest.raises(PredictionError):
        predictor.predict(["good"], Options())


def test_explaining_weighs_words_by_what_they_do(make_predictor):
    text = "the good film is bad, fine"
    (prediction,), _ = make_predictor(max_tokens=32).predict([text], Options(explain=True))
    weights = {text[h.start : h.end]: h.weight for h in prediction.highlights}
    # Leaving "good" out costs 4 of the log-odds: 2 / (1 + exp(-4)) - 1 = tanh(2).
    assert weights["good"] == pytest.approx(math.tanh(2.0), abs=1e-6)
    assert weights["bad"] == pytest.approx(-math.tanh(2.0), abs=1e-6)
    assert weights["film"] == pytest.approx(0.0, abs=1e-6)
    assert "," not in weights


def rows_read(predictor):
    """A list that gets how many windows each call of the backend reads."""
    rows, run = [], predictor._backend.run

    def counted(input_ids, attention_mask):
        rows.append(len(input_ids))
        return run(input_ids, attention_mask)

    predictor._backend.run = counted
    return rows


def test_explaining_a_long_text_finds_the_words_that_matter_within_the_budget(make_predictor):
    predictor = make_predictor(max_tokens=512)
    rows = rows_read(predictor)
    text = "the film is " * 100 + "good " + "the film is " * 60
    (prediction,), _ = predictor.predict([text], Options(explain=True))
    best = max(prediction.highlights, key=lambda h: h.weight)
    assert text[best.start : best.end] == "good"
    assert sum(rows) <= 64 + 2 * prediction.windows


EXPLAINED = Options(explain=True)


@pytest.mark.parametrize("text", ["good, bad.", "film " * 12, "the good film " * 80])
def test_answering_reads_no_more_windows_than_it_is_said_to_cost(make_predictor, text):
    predictor = make_predictor(max_tokens=32)
    rows = rows_read(predictor)
    for options in (Options(), EXPLAINED):
        rows.clear()
        predictor.predict([text, "good"], options)
        cost = predictor.cost(predictor.encode([text, "good"], options), options)
        assert cost - 2 <= sum(rows) <= cost, "punctuation is not removed, though it counts"


def test_what_explaining_reads_counts_against_what_a_request_may_take(make_predictor):
    predictor = make_predictor(max_request_windows=11)
    # A text of a window and three words: itself, itself again, and once without each.
    predictor.predict(["the good film"] * 2, EXPLAINED)
    predictor.predict(["the good film"] * 11, Options())
    with pytest.raises(BatchTooLargeError, match="explaining these texts takes 15 windows"):
        predictor.predict(["the good film"] * 3, EXPLAINED)


def test_highlights_lie_inside_the_text_in_reading_order(make_predictor):
    text = "good bad film " * 80
    (prediction,), _ = make_predictor().predict([text], Options(explain=True))
    starts = [h.start for h in prediction.highlights]
    assert starts == sorted(starts)
    assert all(0 <= h.start < h.end <= len(text) for h in prediction.highlights)


def test_padding_is_on_the_right_and_masked():
    ids, mask = pad([np.array([5, 6, 7]), np.array([8])], 0)
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_no_call_of_the_backend_is_larger_than_the_budget():
    sizes = []

    class Recorder:
        def run(self, input_ids, attention_mask):
            sizes.append(input_ids.size)
            return input_ids[:, :1].astype(np.float32)

    windows = [np.full(n, n) for n in (3, 30, 7, 12, 30, 1)]
    logits = run_in_batches(Recorder(), windows, 0, batch_tokens=40)
    assert [row[0] for row in logits] == [3, 30, 7, 12, 30, 1]
    assert max(sizes) <= 40
