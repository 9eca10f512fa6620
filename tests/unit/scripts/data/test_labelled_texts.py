import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import DataError
from scripts.data.labelled_texts import read_labelled, read_table, read_texts

LABELS = ["negative", "positive"]
ROWS = [("a dull film", 0, "m1"), ('a "good" one,\nreally', 1, "m2")]


@pytest.fixture(params=["parquet", "csv", "jsonl", "aclImdb"])
def source(request, tmp_path):
    """The same two rows in every form that is read."""
    if request.param == "aclImdb":
        for text, label, name in ROWS:
            folder = tmp_path / "train" / ("pos" if label else "neg")
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
        ("text,label\ngood,1\nbad,maybe\n", "'maybe' is none of negative, positive"),
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
    with pytest.raises(DataError, match=r"\.parquet, \.csv, \.jsonl"):
        read_texts(tmp_path / "rows.xls")


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    (tmp_path / "rows.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read"):
        read_texts(tmp_path / "rows.parquet")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_texts(tmp_path / "nowhere.parquet")


def test_a_text_file_that_is_not_utf_8_is_named(tmp_path):
    for name in ("neg", "pos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1_1.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"neg/1_1\.txt: not UTF-8"):
        read_table(tmp_path)
