from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts

ROWS = TaggedTexts(
    ["in Paris", "Ada met Bob", "Rome"],
    [[Span(3, 8, "LOC")], [Span(0, 3, "PER"), Span(8, 11, "PER")], [Span(0, 4, "LOC")]],
    ["1", "1", "2"],
)


def test_documents_are_their_texts_in_a_row():
    rows = ROWS.documents()
    assert rows.texts == ["in Paris Ada met Bob", "Rome"]
    assert rows.groups == ["1", "2"]
    assert [rows.texts[0][span.start : span.end] for span in rows.spans[0]] == [
        "Paris",
        "Ada",
        "Bob",
    ]


def test_joining_documents_leaves_the_texts_as_they_were():
    ROWS.documents()
    assert ROWS.texts[0] == "in Paris"
    assert ROWS.spans[0] == [Span(3, 8, "LOC")]


def test_chosen_rows_come_with_their_spans_and_documents():
    rows = ROWS.select([2, 0])
    assert (rows.texts, rows.groups) == (["Rome", "in Paris"], ["2", "1"])
    assert rows.spans == [[Span(0, 4, "LOC")], [Span(3, 8, "LOC")]]
