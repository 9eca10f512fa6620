import pytest

from scripts.common.errors import UsageError
from scripts.gate.settings import GateSettings, load_gate_settings


def written(tmp_path, content):
    path = tmp_path / "gate.toml"
    path.write_text(content)
    return path


def test_without_a_file_the_defaults_hold():
    assert load_gate_settings(None) == GateSettings()


def test_a_file_overrides_only_what_it_names(tmp_path):
    settings = load_gate_settings(written(tmp_path, "margin = 0.01"))
    assert settings == GateSettings(margin=0.01)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("margins = 0.01", "margins"),
        ("margin = 0", "margin"),
        ("latency_ratio = 0.5", "latency_ratio"),
        ("size_ratio = inf", "size_ratio"),
        ("margin =", "not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, content, named):
    with pytest.raises(UsageError, match=named):
        load_gate_settings(written(tmp_path, content))


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml"):
        load_gate_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(("margin", "rows"), [(0.01, 300), (0.015, 200), (0.02, 150), (0.07, 43)])
def test_the_rule_of_three_gives_the_fewest_rows(margin, rows):
    assert GateSettings(margin=margin).minimum_rows == rows
