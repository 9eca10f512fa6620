"""From real texts through the bundled model, the collector and the log to a verdict."""

import json
import shutil
import sys

import pytest

from scripts.common.errors import DriftError, RegistryError
from scripts.drift import __main__ as drift
from scripts.drift.log_lines import write_parquet
from tests.commands import REPOSITORY, run_python
from tests.drift_experiments.traffic import Traffic, cached_log, german_reviews, prediction_lines
from tests.predictions import log_lines

pytestmark = [pytest.mark.integration, pytest.mark.model]


def test_german_reviews_are_found_in_the_log_of_the_bundled_model(bundled_models, tmp_path):
    traffic = Traffic("german", "", german_reviews()[::5], ["positive"] * 72)
    lines = [json.dumps(line) for line in prediction_lines(traffic, bundled_models / "sentiment")]
    predictions = tmp_path / "predictions"
    collect = ("-m", "scripts.collect", "--output", predictions)
    collected = run_python(*collect, stdin="\n".join(["starting", *lines, ""]))
    assert (collected.returncode, collected.stdout) == (0, "starting\n"), collected.stderr
    checked = run_python(
        *("-m", "scripts.drift", "--model", "sentiment", "--log", predictions),
        *("--registry", REPOSITORY / "registry", "--output", tmp_path / "report"),
    )
    assert checked.returncode == 3, checked.stderr
    assert "sentiment: drift in 72 texts" in checked.stdout
    assert "tokens per word" in checked.stdout.splitlines()[0]
    assert "of 72 answers with feedback" in checked.stdout.lower()
    report = (tmp_path / "report/sentiment/report.html").read_text()
    assert checked.stdout.splitlines()[0] in report


def test_texts_are_answered_once_and_kept(bundled_models, tmp_path):
    traffic = Traffic("few", "", ["A warm film.", " ", "A dull one."])
    path = cached_log(traffic, bundled_models / "sentiment", tmp_path)
    first = path.read_bytes()
    assert [json.loads(line)["id"] for line in first.splitlines()] == ["few-0", "few-2"]
    path.write_bytes(b"kept")
    assert cached_log(traffic, bundled_models / "sentiment", tmp_path).read_bytes() == b"kept"


MODELS = ("ner", "sentiment", "sentiment-lstm")  # as a stage checks them


@pytest.fixture
def registry(bundled_models, tmp_path):
    """A copy, without the weights."""
    copied = tmp_path / "registry"
    big = shutil.ignore_patterns("*.onnx", "*.safetensors")
    shutil.copytree(REPOSITORY / "registry", copied, ignore=big)
    return copied


@pytest.fixture
def check_prod(registry, tmp_path, monkeypatch):
    """Check all models of a stage. tokens: the median of each model's texts; 200 is quiet."""

    def written(name, count, tokens, seed):
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(
            write_parquet(
                [
                    {
                        **line,
                        "id": f"{model}-{line['id']}",
                        "model": model,
                        "version": version(model),
                    }
                    for model in MODELS
                    for line in log_lines(count, seed=seed, tokens=tokens.get(model, 200))
                ]
            )
        )
        return path

    def version(model):
        return json.loads((registry / model / "aliases/production.json").read_text())["version"]

    def of(**tokens):
        good, now = written("good", 600, {}, 1), written("now", 200, tokens, 2)
        where = ("--registry", registry, "--stage", "prod", "--log", now, "--reference", good)
        options = (*where, "--json", tmp_path / "figures")
        monkeypatch.setattr(sys, "argv", ["drift", *map(str, options)])
        drift.main()

    return of


def verdicts(folder):
    figures = json.loads((folder / "figures").read_text())
    return {model: found["verdict"] for model, found in figures.items()}


def damage_manifest(registry):
    (manifest,) = registry.glob("sentiment/versions/*/manifest.json")
    manifest.write_text("{}")


def lose_version(registry):
    (version,) = registry.glob("sentiment/versions/*")
    version.rename(version.with_name("20260101-00000000"))


@pytest.mark.parametrize("harm", [damage_manifest, lose_version])
def test_a_model_that_cannot_be_checked_hides_no_drift(check_prod, registry, tmp_path, harm):
    harm(registry)
    with pytest.raises(DriftError, match=r"ner: drift in 200 texts.*; sentiment: failed: "):
        check_prod(ner=30)
    assert verdicts(tmp_path) == {"ner": "drift", "sentiment-lstm": "no drift"}


def test_where_nothing_drifted_the_first_error_is_raised_in_the_end(
    check_prod, registry, tmp_path, capsys
):
    lose_version(registry)
    with pytest.raises(RegistryError, match="sentiment"):
        check_prod()
    assert verdicts(tmp_path) == {"ner": "no drift", "sentiment-lstm": "no drift"}
    assert "sentiment: failed: " in capsys.readouterr().out
