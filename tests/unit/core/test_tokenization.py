import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from function.core.errors import ArtifactError
from function.core.tokenization import LongText, TextTokenizer
from function.core.windows import window_spans


@pytest.fixture
def tokenizer(artifact):
    return TextTokenizer(artifact / "tokenizer.json")


def test_special_tokens_of_the_template_are_found(tokenizer):
    assert tokenizer.prefix.tolist() == [2]
    assert tokenizer.suffix.tolist() == [3]
    assert tokenizer.pad_id == 0


def test_html_line_breaks_read_as_white_space(tokenizer):
    (broken,) = tokenizer.encode(["good<br /><BR>film"])
    (plain,) = tokenizer.encode(["good film"])
    assert broken.ids.tolist() == plain.ids.tolist()


def test_composed_and_decomposed_letters_read_alike(tokenizer):
    composed, decomposed = tokenizer.encode(["caf\u00e9 good", "cafe\u0301 good"])
    assert composed.ids.tolist() == decomposed.ids.tolist()


@pytest.mark.parametrize(
    "text",
    ["\N{GRINNING FACE} good", "a<br />good", "e\u0301 good", "\u05d0\u05d1 good", "\t\tgood"],
)
def test_offsets_point_into_the_text_as_it_was_sent(tokenizer, text):
    (encoded,) = tokenizer.encode([text])
    start, end = encoded.offsets[-1]
    assert text[start:end] == "good"


def test_punctuation_alone_is_no_word(tokenizer):
    (encoded,) = tokenizer.encode(["good!"])
    assert encoded.is_word(0, 1)
    assert not encoded.is_word(1, 2)


def test_a_file_that_is_no_tokenizer_is_refused_by_name(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"tokenizer\.json"):
        TextTokenizer(tmp_path / "tokenizer.json")


def test_a_short_text_is_one_window():
    assert window_spans(5, 6, 2, "window", 16) == [[(0, 5)]]


def test_truncation_keeps_the_start():
    assert window_spans(20, 6, 2, "truncate", 16) == [[(0, 6)]]


def test_head_and_tail_keeps_a_quarter_of_the_start():
    assert window_spans(20, 8, 2, "head_tail", 16) == [[(0, 2), (14, 20)]]


def test_windows_beyond_the_limit_are_not_read():
    spans = window_spans(1000, 10, 2, "window", 3)
    assert len(spans) == 3
    assert spans[-1][-1][1] < 1000


@given(
    length=st.integers(1, 3000),
    capacity=st.integers(2, 510),
    share=st.floats(0, 0.9),
    long_text=st.sampled_from(["window", "truncate", "head_tail"]),
)
def test_windows_are_full_inside_the_text_and_windows_cover_it(
    length: int, capacity: int, share: float, long_text: LongText
):
    stride = int(share * capacity)
    spans = window_spans(length, capacity, stride, long_text, 10_000)
    covered = np.zeros(length, dtype=bool)
    for window in spans:
        assert sum(stop - start for start, stop in window) == min(length, capacity)
        for start, stop in window:
            assert 0 <= start < stop <= length or start == stop
            covered[start:stop] = True
    if long_text == "window":
        assert covered.all()
