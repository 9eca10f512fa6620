import pytest

from scripts.train.config import TrainConfig
from scripts.train.corpus import load_corpus, locate


@pytest.fixture
def config():
    return TrainConfig.model_validate(
        {
            "model": "toy",
            "base": "none",
            "labels": ["negative", "positive"],
            "datasets": [{"name": "toy", "path": "train.csv", "validation": 0.3, "test": 0.2}],
            "finetuning": {"epoch_max_tokens": [16]},
        }
    )


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
