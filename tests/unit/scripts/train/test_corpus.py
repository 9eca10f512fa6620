import json

import pytest

from scripts.common.errors import DataError, UsageError
from scripts.train.config import TrainConfig
from scripts.train.corpus import load_corpus, load_taught, locate

SETTINGS = {
    "model": "toy",
    "base": "none",
    "labels": ["negative", "positive"],
    "datasets": [{"name": "toy", "path": "train.csv", "validation": 0.3, "test": 0.2}],
    "finetuning": {"epoch_max_tokens": [16]},
}


@pytest.fixture
def config():
    return TrainConfig.model_validate(SETTINGS)


@pytest.fixture
def folder(tmp_path):
    rows = "".join(f"text number {n},{n % 2}\n" for n in range(200))
    (tmp_path / "train.csv").write_text(f"text,label\n{rows}")
    (tmp_path / "test.csv").write_text("text,label\ngood,1\nbad,0\n")
    return tmp_path


def test_the_parts_hold_every_row_once(config, folder):
    corpus = load_corpus(config, folder)
    parts = [corpus.train, corpus.validation["toy"], corpus.test["toy"]]
    assert sorted(text for part in parts for text in part.texts) == sorted(
        f"text number {n}" for n in range(200)
    )


def test_a_file_stands_in_for_the_data_set(config, folder):
    (folder / "train.csv").rename(folder / "other.csv")
    assert len(load_corpus(config, folder / "other.csv").train) > 50


def test_a_file_given_to_train_on_is_never_measured_on(folder):
    assert locate(folder / "train.csv", "test.csv") == folder / "test.csv"


def test_a_file_stands_in_for_one_data_set_alone(config, folder):
    two = config.model_copy(update={"datasets": config.datasets * 2})
    with pytest.raises(UsageError, match="several datasets"):
        load_corpus(two, folder / "train.csv")


def test_a_part_without_rows_is_refused_before_anything_is_trained(config, folder):
    (folder / "train.csv").write_text("text,label\ngood,1\nbad,0\n")
    with pytest.raises(DataError, match=r"train\.csv: its 2 rows leave none to"):
        load_corpus(config, folder)


def test_groups_need_their_column(config, folder):
    grouped = config.datasets[0].model_copy(update={"split_by": "group"})
    with pytest.raises(UsageError, match=r"datasets\.toy: split_by = 'group' needs group = COLUMN"):
        load_corpus(config.model_copy(update={"datasets": [grouped]}), folder)


def test_a_text_that_another_data_set_trains_on_is_not_held_out(config, folder):
    first = config.datasets[0]
    other = first.model_copy(update={"name": "other", "validation": 0.01, "test": 0.0})
    corpus = load_corpus(config.model_copy(update={"datasets": [first, other]}), folder)
    for part in (*corpus.validation.values(), *corpus.test.values()):
        assert not set(part.texts) & set(corpus.train.texts)


def test_texts_that_nobody_sees_are_refused_with_their_place(config, folder):
    with (folder / "train.csv").open("a", encoding="utf-8") as file:
        file.write("\u200b,1\n")
    with pytest.raises(DataError, match=r"202.*its text is empty"):
        load_corpus(config, folder)


def test_unlabelled_texts_may_be_cut_into_sentences_but_none_of_a_text_that_is_held_out(tmp_path):
    held_out = "It was long. It was great."
    (tmp_path / "train.csv").write_text(
        "text,label\n" + "".join(f"text number {n},{n % 2}\n" for n in range(200))
    )
    (tmp_path / "test.csv").write_text(f"text,label\n{held_out},1\n")
    reviews = [
        "Seen in Rome.<br /><br />Great!  Why 4.5 stars? Because\n'It' by Mr. King.",
        held_out,
    ]
    (tmp_path / "reviews.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in [*reviews, "Great! text number 7"])
    )
    config = TrainConfig.model_validate(
        SETTINGS
        | {
            "evaluation": {"test": "test.csv"},
            "distillation": {
                "teacher": "none",
                "unlabelled": [
                    {"path": "reviews.jsonl", "max_texts": 1},
                    {"path": "reviews.jsonl", "sentences": True},
                ],
            },
        }
    )
    corpus = load_corpus(config, tmp_path)
    assert config.distillation
    assert load_taught(config.distillation.unlabelled, config, corpus, tmp_path) == [
        reviews[0],
        "Seen in Rome.",
        "Great!",
        "Why 4.5 stars?",
        "Because",
        "'It' by Mr.",
        "King.",
    ]
