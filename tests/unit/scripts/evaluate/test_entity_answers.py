import pytest

from scripts.data.spans import Span
from scripts.evaluate.entity_answers import EntityAnswers, Found, entity_log_loss, same_spans
from scripts.evaluate.profile import entity_profile

LABELS = ["LOC", "PER"]


def answers(*rows):
    """Of texts of 20 characters: the true spans, and those that were found with their scores."""
    return EntityAnswers(
        LABELS,
        ["x" * 20] * len(rows),
        [truth for truth, _ in rows],
        [Found([span for span, _ in found], [s for _, s in found], 4, 4) for _, found in rows],
    )


ADA, PARIS = Span(0, 3, "PER"), Span(5, 10, "LOC")


def test_an_entity_is_right_where_both_edges_and_the_label_are():
    figures = answers(
        ([ADA, PARIS], [(ADA, 0.9), (PARIS, 0.9)]),
        ([ADA], [(Span(0, 4, "PER"), 0.9)]),
        ([PARIS], [(Span(5, 10, "PER"), 0.9)]),
        ([], [(ADA, 0.9)]),
    ).figures
    assert (figures["texts"], figures["entities"]) == (4, 4)
    assert figures["precision"] == pytest.approx(2 / 5)
    assert figures["recall"] == pytest.approx(2 / 4)
    assert figures["f1"] == pytest.approx(4 / 9, abs=1e-4)
    assert figures["f1_LOC"] == pytest.approx(2 / 3, abs=1e-4)


def test_neighbours_of_one_label_are_not_one_entity():
    truth = [Span(0, 3, "PER"), Span(3, 6, "PER")]
    figures = answers((truth, [(Span(0, 6, "PER"), 0.9)])).figures
    assert figures["f1"] == 0


def test_calibration_measures_how_far_scores_are_from_the_share_that_is_right():
    sure = answers(([ADA], [(ADA, 0.99)]), ([], [(ADA, 0.99)]))
    assert sure.figures["calibration_error"] == pytest.approx(0.49, abs=0.01)
    fair = answers(([ADA], [(ADA, 0.5)]), ([], [(ADA, 0.5)]))
    assert fair.figures["calibration_error"] == pytest.approx(0, abs=0.01)
    assert entity_log_loss(fair) < entity_log_loss(sure)


def test_nothing_found_is_a_figure_too():
    assert answers(([ADA], [])).figures["f1"] == 0


def test_the_same_spans_are_those_that_both_found():
    one = answers(([], [(ADA, 0.9), (PARIS, 0.9)]))
    other = answers(([], [(ADA, 0.5)]))
    share, entities = same_spans(one, other)
    assert share == pytest.approx(2 / 3)
    assert entities == 1
    assert same_spans(one, one) == (1, 2)


def test_a_profile_counts_texts_whose_scores_are_means_as_the_prediction_log_has_them():
    found = answers(([ADA], [(ADA, 0.9), (PARIS, 0.56)]), ([], [(ADA, 0.32)]), ([], []))
    score = entity_profile([found], LABELS)["score"]
    found_at = [low for low, n in zip(score["edges"], score["counts"], strict=False) if n]
    assert found_at == pytest.approx([0.3, 0.7])
    assert sum(score["counts"]) == 2
