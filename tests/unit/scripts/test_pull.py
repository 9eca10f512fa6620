"""Which models a folder holds after a pull."""

import pytest

from function.core.artifact import open_artifact
from scripts import pull
from scripts.common.command_line import run
from scripts.registry.registry import open_registry
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact


@pytest.fixture
def versions(tmp_path):
    """The versions in production, by model: two models of different tasks."""
    registry = open_registry(str(tmp_path / "registry"))
    found = {}
    for artifact in (write_artifact(tmp_path / "a"), write_entity_artifact(tmp_path / "b")):
        opened = open_artifact(artifact)
        model = opened.manifest.model
        found[model] = registry.publish(opened)
        registry.promote(model, found[model], "a test")
    return found


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def pulled(versions, folder, monkeypatch, capsys):
    """Run the command; returns its exit code and the names of what the folder then holds."""

    def pulled(*arguments):
        location = str(folder.parent / "registry")
        given = ["pull", "--registry", location, "--output", str(folder), *arguments]
        monkeypatch.setattr("sys.argv", given)
        code: str | int | None
        try:
            run(pull.main)
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return code, names

    return pulled


def test_all_that_is_in_production_by_default(pulled, versions, folder):
    assert pulled() == (0, ["ner", "sentiment"])
    assert {name: open_artifact(folder / name).version for name in versions} == versions


@pytest.mark.parametrize(
    "named", [["--model", "ner", "sentiment"], ["--model", "ner", "--model", "sentiment"]]
)
def test_several_models_can_be_named_at_once_or_one_by_one(pulled, named):
    assert pulled(*named) == (0, ["ner", "sentiment"])


def test_only_what_is_named_is_pulled_in_a_version_or_in_that_in_production(pulled, versions):
    assert pulled("--model", "ner") == (0, ["ner"])
    assert pulled("--model", f"ner={versions['ner']}", "sentiment") == (0, ["ner", "sentiment"])


def test_what_was_pulled_before_stays_unless_it_is_to_be_taken_away(pulled):
    pulled()
    assert pulled("--model", "ner") == (0, ["ner", "sentiment"])
    assert pulled("--model", "ner", "--only") == (0, ["ner"])


def test_what_is_no_model_is_not_taken_away(pulled, folder):
    folder.mkdir()
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    assert pulled("--only") == (0, ["ner", "notes", "sentiment"])


def test_manifests_of_other_tools_are_no_models(pulled, folder):
    cdk = folder / "cdk.out/manifest.json"
    cdk.parent.mkdir(parents=True)
    cdk.write_text('{"version": "1"}')
    assert pulled("--model", "ner", "--only") == (0, ["cdk.out", "ner"])


def test_a_model_with_a_version_and_without_one_is_a_contradiction(pulled, versions):
    assert pulled("--model", f"ner={versions['ner']}", "ner") == (2, [])


def test_nothing_is_taken_away_where_a_model_cannot_be_pulled(pulled):
    pulled()
    assert pulled("--model", "topics", "--only") == (1, ["ner", "sentiment"])
