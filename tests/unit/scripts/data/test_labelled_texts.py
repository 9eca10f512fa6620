import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import DataError
from scripts.data.labelled_texts import LabelledTexts, read_labelled, read_texts, require_labels

LABELS = ["negative", "positive"]
ROWS = [("a dull film", 0, "m1"), ('a "good" one,\nreally', 1, "m2")]


@pytest.fixture(params=["parquet", "csv", "jsonl", "aclImdb"])
def source(request, tmp_path):
    """The same two rows in every form that is read."""
    if request.param == "aclImdb":
        for text, label, name in ROWS:
            folder = tmp_path / "train" / LABELS[label]
            folder.mkdir(parents=True)
            (folder / f"{name}_7.txt").write_text(text)
        return tmp_path / "train"
    table = pa.Table.from_pylist([{"text": t, "label": c, "movie": m} for t, c, m in ROWS])
    path = tmp_path / f"rows.{request.param}"
    if request.param == "parquet":
        pq.write_table(table, path)
    elif request.param == "csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", "movie"])
            writer.writerows(ROWS)
    else:
        path.write_text(
            "\n".join(json.dumps({"text": t, "label": c, "movie": m}) for t, c, m in ROWS)
        )
    return path


def test_every_form_gives_the_same_rows(source):
    rows = read_labelled(source, LABELS)
    assert rows.texts == [text for text, _, _ in ROWS]
    assert rows.labels == [0, 1]


def test_labels_may_be_names(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,positive\nbad,negative\n")
    assert read_labelled(path, LABELS).labels == [1, 0]


def test_groups_are_read_where_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label,movie\ngood,1,m1\nbad,0,m2\n")
    assert read_labelled(path, LABELS, group="movie").groups == ["m1", "m2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("review,label\ngood,1\n", "no column 'text'; it has review, label"),
        ("text,stars\ngood,1\n", "no column 'label'"),
        ("text,label\n", "no rows"),
        ("text,label\ngood,1\nfine,1\n", "same label"),
        (
            "text,label\ngood,positive\nbad,maybe\n",
            "'maybe' is none of the model's: 'negative', 'positive'",
        ),
    ],
)
def test_a_file_that_cannot_train_says_so_in_one_line(tmp_path, content, said):
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=said) as raised:
        read_labelled(path, LABELS)
    assert "\n" not in str(raised.value)
    assert "rows.csv" in str(raised.value)


def test_an_unknown_extension_lists_the_known_ones(tmp_path):
    (tmp_path / "rows.xls").write_text("")
    with pytest.raises(DataError, match=r"\.csv, \.tsv, \.jsonl or \.parquet"):
        read_texts(tmp_path / "rows.xls")


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    (tmp_path / "rows.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read"):
        read_texts(tmp_path / "rows.parquet")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_texts(tmp_path / "nowhere.parquet")


@pytest.mark.parametrize(
    ("labels", "cells", "codes"),
    [
        (["2", "3", "4"], ["3", "2", "4"], [1, 0, 2]),
        (["1", "0"], ["1", "0"], [0, 1]),
        (["false", "true"], ["true", "false"], [1, 0]),
        (["4.50", "1.0"], ["1.0", "4.50"], [1, 0]),
        (["01", "1"], ["1", "01"], [1, 0]),
        (["10", "20"], ["1", "0"], [1, 0]),
    ],
)
def test_a_cell_that_is_a_label_s_name_is_that_label(tmp_path, labels, cells, codes):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"t{row},{cell}\n" for row, cell in enumerate(cells)))
    assert read_labelled(path, labels).labels == codes


@pytest.mark.parametrize(
    ("labels", "cells"),
    [
        (["1", "2", "3"], ["0", "1", "2"]),  # stars of somebody who counts from 0
        (["negative", "positive"], ["0", "positive"]),
        (["false", "true"], ["False", "True"]),
        (["a", "b"], ["0", "2"]),
        (["a", "b"], ["00", "01"]),
    ],
)
def test_names_and_positions_are_never_mixed(tmp_path, labels, cells):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"t{row},{cell}\n" for row, cell in enumerate(cells)))
    with pytest.raises(DataError, match="none of the model's") as raised:
        read_labelled(path, labels)
    for name in (*labels, *cells):
        assert repr(name) in str(raised.value)


def test_the_reading_of_the_labels_is_reported_with_the_rows_of_each(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na,1\nb,0\nc,1\n")
    read_labelled(path, LABELS)
    assert "3 rows; labels by position: negative 1, positive 2" in capsys.readouterr().err
    read_labelled(path, ["0", "1"])
    assert "labels by name: 0 1, 1 2" in capsys.readouterr().err


def test_labels_of_a_file_may_have_other_names(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\ngood,pos\nbad,neg\n")
    renamed = {"pos": "positive", "neg": "negative"}
    assert read_labelled(path, LABELS, renamed=renamed).labels == [1, 0]


def test_a_label_that_no_data_set_has_is_an_error_that_lists_both():
    rows = LabelledTexts(["a", "b"], [0, 2], [])
    with pytest.raises(DataError, match=r"'meh'.*'bad', 'meh', 'good'.*'bad', 'good'"):
        require_labels(["bad", "meh", "good"], rows.labels)
    require_labels(["bad", "meh", "good"], [*rows.labels, 1])


@pytest.mark.parametrize("row", ["  ,1", ",1"])
def test_a_row_without_a_text_is_refused_with_its_line(tmp_path, row):
    path = tmp_path / "rows.csv"
    path.write_text(f"text,label\na,1\n{row}\nb,0\n")
    with pytest.raises(DataError, match=r"rows\.csv, line 3: its text is empty"):
        read_labelled(path, LABELS)


def test_a_damaged_name_of_a_column_is_a_damaged_file(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), path)
    path.write_bytes(path.read_bytes().replace(b"label", b"\x94abel"))
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read"):
        read_labelled(path, ["x", "y"])
