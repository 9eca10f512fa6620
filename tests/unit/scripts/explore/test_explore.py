"""The data report: what it counts, what it concludes, and what it refuses."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from scripts.common.command_line import run
from scripts.explore import __main__ as explore
from scripts.explore import plots

CONFIG = """
model = "sentiment"
base = "base"
labels = ["negative", "positive"]

[[datasets]]
name = "films"
path = "train.parquet"
group = "movie"
split_by = "group"
validation = 0.3

[finetuning]
epoch_max_tokens = [8]

[serving]
max_tokens = 128
"""

Explore = Callable[..., int]


def reviews(prefix: str, count: int, movies: int = 20) -> dict[str, list[Any]]:
    """Balanced reviews, none like another, spread over movies."""
    return {
        "text": [f"{prefix} review number {row}" for row in range(count)],
        "label": [row % 2 for row in range(count)],
        "rating": [3 if row % 2 == 0 else 8 for row in range(count)],
        "movie": [f"{prefix}-{row // 2 % movies}" for row in range(count)],
    }


def add(rows: dict[str, list[Any]], text: str, label: int, movie: str) -> None:
    for column, value in {"text": text, "label": label, "rating": 5, "movie": movie}.items():
        rows[column].append(value)


def store(rows: dict[str, list[Any]], path: Path) -> None:
    pa.parquet.write_table(pa.table(rows), path)


def line_with(page: str, *parts: str) -> str:
    found = [line for line in page.splitlines() if all(part in line for part in parts)]
    assert len(found) == 1, f"{len(found)} lines hold {parts}"
    return found[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "base" / "tokenizer.json"))
    (tmp_path / "sentiment.toml").write_text(CONFIG)
    store(reviews("train", 80), tmp_path / "train.parquet")
    return tmp_path


@pytest.fixture
def exploring(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Explore:
    """Run the command on the folder; returns its exit code."""

    def explored(*tests: str, **changed: str) -> int:
        options = {
            "config": f"{folder}/sentiment.toml",
            "data": str(folder),
            "base": f"{folder}/base",
            "output": f"{folder}/docs/data.md",
        } | changed
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        monkeypatch.setattr(
            sys, "argv", ["explore", *words, *(["--test", *tests] if tests else [])]
        )
        try:
            run(explore.main)
        except SystemExit as stopped:
            return int(stopped.code or 0)
        return 0

    return explored


@pytest.fixture
def page(folder: Path, exploring: Explore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The Markdown alone: rendering the pictures takes most of the time."""
    monkeypatch.setattr(plots, "save", lambda *_: None)

    def written(*tests: str) -> str:
        assert exploring(*tests) == 0
        return (folder / "docs/data.md").read_text()

    return written


def test_parts_hold_every_row_once_and_share_no_group(page: Callable[..., str]) -> None:
    text = page()
    train, validation = (
        int(line_with(text, f"| films {part} | ", "(").split("|")[2])
        for part in ("train", "validation")
    )
    assert train + validation == 80
    assert train > validation > 0
    assert line_with(text, "| films train | films validation |").endswith("| 0 |")
    assert "No group of **films validation** is in the training part" in text


def test_repeats_differ_only_in_case_space_or_breaks(
    folder: Path, page: Callable[..., str]
) -> None:
    rows = reviews("train", 80)
    add(rows, "train review number 1", 1, "train-0")
    add(rows, "TRAIN  review<BR />number<br>1", 1, "train-0")
    store(rows, folder / "train.parquet")
    assert line_with(page(), "films train.parquet", "| 1 | 2 (2.4 %) | 0 |")


def test_one_text_with_two_labels_is_told(folder: Path, page: Callable[..., str]) -> None:
    rows = reviews("train", 80)
    add(rows, "good and bad", 0, "train-0")
    add(rows, "good and bad", 1, "train-0")
    store(rows, folder / "train.parquet")
    assert line_with(page(), "films train.parquet", "| 1 | 1 (1.2 %) | 1 |")


def test_a_test_text_that_was_trained_on_is_a_leak(folder: Path, page: Callable[..., str]) -> None:
    train, test = reviews("train", 80), reviews("test", 18)
    known = next(iter(train["text"]))
    add(test, known, 0, "test-0")
    add(test, known.upper(), 1, "test-0")
    store(test, folder / "test.parquet")
    overlap = line_with(page("films=test.parquet"), "| films test.parquet | films train.parquet |")
    assert overlap == "| films test.parquet | films train.parquet | 1 | 2 (10.0 %) | 1 |"


def test_a_movie_in_train_and_test_is_named(folder: Path, page: Callable[..., str]) -> None:
    test = reviews("test", 20, movies=1)
    test["movie"] = ["train-0", "train-1", "train-2", "train-3", "train-4"] * 4
    store(test, folder / "test.parquet")
    text = page("films=test.parquet")
    shared = [
        int(line_with(text, f"| films {part} | films test.parquet |").split("|")[3])
        for part in ("train", "validation")
    ]
    assert sum(shared) == 5
    assert "what a model learns about a group helps it there" in text


def test_unlabelled_texts_are_compared_but_never_counted_by_label(
    folder: Path, page: Callable[..., str]
) -> None:
    texts = [*reviews("other", 9)["text"], *reviews("train", 80)["text"]]
    store({"text": texts}, folder / "unlabelled.parquet")
    text = page("films-unlabelled=unlabelled.parquet")
    assert line_with(text, "| films unlabelled.parquet | 89 | – | – |")
    assert line_with(
        text, "| films unlabelled.parquet | films train.parquet | 80 | 80 (89.9 %) | – |"
    )
    assert "this configuration trains on no unlabelled text" in text


def test_lengths_count_tokens_with_what_the_window_must_hold(
    folder: Path, page: Callable[..., str]
) -> None:
    rows = reviews("train", 76)
    for length in (128, 129, 257, 513):
        add(rows, f"{length} " + "word " * (length - 1), 1, "train-0")
    store(rows, folder / "train.parquet")
    lengths = line_with(page(), "films train.parquet", "3.8 %")
    assert lengths.endswith("| 513 | 3.8 % | 2.5 % | 1.2 % |")


@pytest.mark.parametrize(
    ("negatives", "verdict"),
    [(40, "**films train** is balanced"), (8, "**films train** is not balanced")],
)
def test_the_verdict_on_balance_follows_the_labels(
    folder: Path, page: Callable[..., str], negatives: int, verdict: str
) -> None:
    rows = reviews("train", 80)
    rows["label"] = [int(row % 40 >= negatives // 2) for row in range(80)]
    store(rows, folder / "train.parquet")
    assert verdict in page()


def test_ratings_between_the_classes_are_missed(page: Callable[..., str]) -> None:
    assert "No text of **films train.parquet** is rated 4 or 5 or 6 or 7" in page()


def test_a_source_without_ratings_has_no_picture_of_them(
    folder: Path, page: Callable[..., str]
) -> None:
    assert "data-ratings.png" in page()
    rows = reviews("train", 80)
    del rows["rating"]
    store(rows, folder / "train.parquet")
    assert "data-ratings.png" not in page()


def test_a_group_of_two_rows_and_one_label_gives_it_away(
    folder: Path, page: Callable[..., str]
) -> None:
    rows = reviews("train", 80)
    for label, movie in ((1, "agreed"), (1, "agreed"), (0, "alone")):
        add(rows, f"{movie} {len(rows['text'])}", label, movie)
    store(rows, folder / "train.parquet")
    assert line_with(page(), "| films train.parquet | 22 |").endswith("| 1 of 21 |")


def test_samples_are_few_short_and_without_live_markup(
    folder: Path, page: Callable[..., str]
) -> None:
    rows = reviews("train", 80)
    rows["text"] = [f"{row} | <b>bold</b> `code`<br />" + "long " * 50 for row in range(80)]
    store(rows, folder / "train.parquet")
    samples = page().split("## Samples")[1].splitlines()
    quoted = [line for line in samples if line.startswith("| films")]
    assert 0 < len(quoted) <= 8
    for line in quoted:
        text = re.split(r"(?<!\\)\|", line)[3].strip()
        assert len(text.replace("\\", "")) <= 100
        assert "<b>" not in text


def test_every_picture_exists_is_small_and_lies_on_white(folder: Path, exploring: Explore) -> None:
    assert exploring() == 0
    pictures = re.findall(r"!\[.+\]\((.+)\)", (folder / "docs/data.md").read_text())
    assert len(pictures) == 4
    for picture in pictures:
        path = folder / "docs" / picture
        assert path.stat().st_size <= 60_000
        with Image.open(path) as image:
            assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_the_same_data_give_the_same_bytes(folder: Path, exploring: Explore) -> None:
    assert exploring() == 0
    first = {path: path.read_bytes() for path in (folder / "docs").rglob("*.*")}
    assert exploring() == 0
    assert first == {path: path.read_bytes() for path in (folder / "docs").rglob("*.*")}


def test_no_path_of_the_machine_is_written(folder: Path, page: Callable[..., str]) -> None:
    store(reviews("test", 20), folder / "test.parquet")
    text = page(f"films={folder}/test.parquet")
    assert str(folder) not in text
    assert "--config sentiment.toml --data DATA --test films=test.parquet --base CHECKPOINT" in text


def test_only_the_place_of_the_page_goes_to_stdout(
    folder: Path, exploring: Explore, capsys: pytest.CaptureFixture[str]
) -> None:
    exploring()
    assert capsys.readouterr().out == f"{folder}/docs/data.md\n"


@pytest.mark.parametrize(
    ("tests", "changed", "reason"),
    [
        (["films"], {}, "--test films: give NAME=FILE"),
        (["films=train.parquet"], {}, "films train.parquet is given twice"),
        (["films=absent.parquet"], {}, "absent.parquet: no such file"),
        (["films=columns.parquet"], {}, "no column 'text'"),
        (["films=empty.parquet"], {}, "no rows"),
        ([], {"output": "data.txt"}, "give the name of a .md file"),
        ([], {"data": "nowhere"}, "--data nowhere: no such file or folder"),
        ([], {"config": "nothing.toml"}, "nothing.toml: No such file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    folder: Path,
    exploring: Explore,
    capsys: pytest.CaptureFixture[str],
    tests: list[str],
    changed: dict[str, str],
    reason: str,
) -> None:
    store({"words": ["a"]}, folder / "columns.parquet")
    store({"text": pa.array([], pa.string())}, folder / "empty.parquet")
    assert exploring(*tests, **changed) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert reason in errors[0]


def test_a_configuration_that_finds_entities_is_refused(
    folder: Path, exploring: Explore, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "entities.toml"
    path.write_text('task = "token-classification"\n' + CONFIG)
    assert exploring(config=str(path)) == 2
    assert "the page counts labels of texts" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_told(
    folder: Path, exploring: Explore, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "taken").write_text("a file")
    assert exploring(output=f"{folder}/taken/data.md") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_model_from_scratch_is_explored_without_a_base(
    folder: Path, exploring: Explore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("scripts.train.cache.CACHE", tmp_path / "cache")
    monkeypatch.setattr(plots, "save", lambda *_: None)
    scratch = CONFIG.replace('base = "base"', 'architecture = "lstm"\nnetwork.vocabulary = 60')
    (folder / "sentiment.toml").write_text(scratch)
    assert exploring(base="") == 0
    assert "vocabulary of 60 pieces" in (folder / "docs/data.md").read_text()
