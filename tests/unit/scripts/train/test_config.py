from pathlib import Path

import pytest

from scripts.common.errors import UsageError
from scripts.train.config import load_config

BUNDLED = Path("scripts/train/configs/sentiment.toml")
TEACHER = BUNDLED.with_name("teacher.toml")  # learns from none itself


def test_the_bundled_configuration_is_valid():
    config = load_config(BUNDLED)
    assert config.model == "sentiment"
    assert {dataset.split_by for dataset in config.datasets} == {"group", "sentence"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("learning_rate = 5e-5", "learning_rate = -1"),
            "finetuning.learning_rate: must be greater than 0, not -1$",
        ),
        (
            ("learning_rate = 5e-5", "lr = 5e-5"),
            "finetuning.lr: there is no such setting; there are epoch_max_tokens, .*learning_rate",
        ),
        (
            ("learning_rate = 5e-5", 'learning_rate = "much"'),
            "finetuning.learning_rate: must be a number, not 'much'$",
        ),
        (
            ('split_by = "group"', 'split_by = "colour"'),
            "datasets.0.split_by: must be 'row', 'group' or 'sentence', not 'colour'$",
        ),
        (
            ('split_by = "group"', "colour = 1"),
            "datasets.0.colour: there is no such setting; there are name, path, text",
        ),
        (("seed = 17", "sead = 17"), "sead: there is no such setting; there are model, task"),
        (('model = "sentiment"', ""), "model: is missing$"),
        (('labels = ["negative", "positive"]', "labels = []"), "labels: needs 1 or more$"),
        (("seed = 17", "seed = "), "not TOML"),
    ],
)
def test_a_wrong_key_is_named_in_one_line(tmp_path, change, said):
    path = tmp_path / "config.toml"
    path.write_text(BUNDLED.read_text().replace(*change))
    with pytest.raises(UsageError, match=said) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["head=argmax"], "head: is for task = \"token-classification\", not 'argmax'$"),
        (["task=feature-extraction"], 'head: is for task = "text-classification"'),
        (["head=sigmoid", "distillation.teacher=x"], "distillation: is for softmax and crf"),
        (
            ["head=sigmoid", "cascade.enabled=true"],
            "cascade: .*, not 'sigmoid'$",
        ),
        (["task=token-classification", "cascade.enabled=true"], "cascade: .*, not 'crf'$"),
    ],
)
def test_a_head_that_does_not_fit_is_named(changes, said):
    with pytest.raises(UsageError, match=said):
        load_config(TEACHER, changes)


@pytest.mark.parametrize(
    "changes",
    [
        ["architecture=lstm"],
        ["pretraining.path=texts.csv", "pretraining.epoch_max_tokens=[16]"],
    ],
)
def test_no_share_of_a_random_head_is_kept(changes):
    with pytest.raises(UsageError, match=r"base_share: is a share of a base's trained head"):
        load_config(TEACHER, ["finetuning.base_share=0.3", *changes])


def test_a_task_has_its_usual_head():
    assert load_config(TEACHER).head == "softmax"
    assert load_config(TEACHER, ["task=token-classification"]).head == "crf"
    assert load_config(TEACHER, ["head=sigmoid"]).head == "sigmoid"


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_config(tmp_path / "none.toml")
