"""CoNLL columns in the dialects that people have."""

import pytest

from scripts.common.errors import DataError
from scripts.data.tagged_texts import read_tagged

LABELS = ["LOC", "PER"]


def read(tmp_path, content, **options):
    path = tmp_path / "rows.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tagged(path, LABELS, **options)


def entities(rows):
    return [
        [(span.label, text[span.start : span.end]) for span in spans]
        for text, spans in zip(rows.texts, rows.spans, strict=True)
    ]


@pytest.mark.parametrize(
    ("word", "content"),
    [
        ("10\u00a0000", "10\u00a0000 O\n"),
        ("東京\u3000駅", "東京\u3000駅 O\n"),
        ("Anna\u0085X", "Anna\u0085X O\n"),
        ("a\u2028b", "a\u2028b O\n"),
        ("New York", "New York\tO\n"),
        ("\u200b", "\u200b O\n"),
    ],
)
def test_words_are_split_at_blanks_and_tabs_of_ascii_alone(tmp_path, word, content):
    assert read(tmp_path, content).texts == [word]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("IOB1", ["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-LOC"]),
        ("IOB2", ["B-PER", "I-PER", "B-PER", "O", "B-LOC", "I-LOC"]),
        ("BIOES", ["B-PER", "E-PER", "S-PER", "O", "B-LOC", "E-LOC"]),
        ("BILOU", ["B-PER", "L-PER", "U-PER", "O", "B-LOC", "L-LOC"]),
        ("BIOES without B", ["I-PER", "E-PER", "S-PER", "O", "E-LOC", "I-LOC"]),
    ],
)
def test_every_scheme_of_tags_gives_the_same_entities(tmp_path, name, tags):
    words = ["Ada", "Lovelace", "Bob", "in", "New", "York"]
    rows = read(tmp_path, "".join(f"{w} {t}\n" for w, t in zip(words, tags, strict=True)))
    found = entities(rows)
    if name == "BIOES without B":  # an end without a beginning is an entity, and ends
        assert found == [[("PER", "Ada Lovelace"), ("PER", "Bob"), ("LOC", "New"), ("LOC", "York")]]
    else:
        assert found == [[("PER", "Ada Lovelace"), ("PER", "Bob"), ("LOC", "New York")]]


def test_single_words_of_one_label_are_entities_of_their_own(tmp_path):
    assert entities(read(tmp_path, "Ada S-PER\nBob S-PER\nEve I-PER\n")) == [
        [("PER", "Ada"), ("PER", "Bob"), ("PER", "Eve")]
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_document_begins_wherever_its_line_stands(tmp_path, mark):
    first = f"{mark}-DOCSTART- -X- O O\nAnna NNP O I-PER\nran V O O\n"
    content = f"{first}-DOCSTART- -X- O O\n\nOslo N O I-LOC\n\nbye X O O\n"
    rows = read(tmp_path, content)
    assert rows.texts == ["Anna ran", "Oslo", "bye"]
    assert rows.groups == ["1", "2", "2"]


def test_comments_before_a_sentence_are_no_words_and_hashes_within_are(tmp_path):
    content = "# id 1 domain=en\n# text = Anna ran\nAnna _ _ B-PER\n# _ _ O\n\n# _ _ O\nran _ _ O\n"
    rows = read(tmp_path, content)
    assert rows.texts == ["Anna #", "# ran"]


def test_blanks_at_the_end_of_lines_and_lines_of_blanks_count_as_none(tmp_path):
    rows = read(tmp_path, "Anna\tB-PER\t\r\n \t \r\nOslo\tB-LOC  \r\n")
    assert entities(rows) == [[("PER", "Anna")], [("LOC", "Oslo")]]


def test_a_word_without_a_tag_and_bytes_that_are_no_text_are_refused_with_their_line(tmp_path):
    with pytest.raises(DataError, match=r"rows\.conll, line 2: give a word and its tag"):
        read(tmp_path, "Anna B-PER\nran\n")
    with pytest.raises(DataError, match=r"rows\.conll, line 2: is not UTF-8.*cp1252 'Zoë"):
        read(tmp_path, b"Anna B-PER\nZo\xeb B-PER\n")
    assert read(tmp_path, b"Zo\xeb B-PER\n", encoding="cp1252").texts == ["Zoë"]
