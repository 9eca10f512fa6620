from pathlib import Path

import pytest

from scripts.common.errors import UsageError
from scripts.train.config import load_config

BUNDLED = Path("scripts/train/configs/sentiment.toml")


def test_the_bundled_configuration_is_valid():
    config = load_config(BUNDLED)
    assert config.model == "sentiment"
    assert {dataset.split_by for dataset in config.datasets} == {"group", "sentence"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("learning_rate = 1.2e-4", "learning_rate = -1"), "finetuning.learning_rate"),
        (('split_by = "group"', 'split_by = "colour"'), "datasets.0.split_by"),
        (("seed = 17", "sead = 17"), "sead"),
        (("seed = 17", "seed = "), "not TOML"),
    ],
)
def test_a_wrong_key_is_named_in_one_line(tmp_path, change, said):
    path = tmp_path / "config.toml"
    path.write_text(BUNDLED.read_text().replace(*change))
    with pytest.raises(UsageError, match=said) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_config(tmp_path / "none.toml")
