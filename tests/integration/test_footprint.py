"""Estimates of a model's footprint, compared with artifacts that exist."""

import json

import pytest
from transformers import AutoConfig, AutoModelForSequenceClassification

from function.core.artifact import open_artifact
from scripts.common.footprint import estimate
from scripts.refresh.import_settings import ImportSettings
from scripts.refresh.judge import import_model
from scripts.train.base_checkpoint import load_classifier
from tests.checkpoints import REVISION, TEXTS, write_checkpoint
from tests.commands import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]


def weights_of(artifact):
    return artifact.file("weights").stat().st_size


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_the_weights_of_an_artifact_are_as_large_as_estimated(precision, tmp_path, capsys):
    folder = write_checkpoint(tmp_path / "checkpoint", "bert")
    settings = ImportSettings(precision=precision)
    artifact = import_model(folder, "m", TEXTS, tmp_path / "a", REVISION, settings=settings)
    expected, size = estimate(load_classifier(folder)[0], 40, precision), weights_of(artifact)
    # Tables this small stay exact, and scales are numbers, too: 5 % of a model of real size.
    assert expected.weights == pytest.approx(size, rel=0.25 if precision == "int8" else 0.05)
    assert str(expected) in capsys.readouterr().err


@pytest.mark.model
def test_the_bundled_model_takes_the_memory_that_is_estimated():
    artifact = open_artifact(REPOSITORY / "build/models/sentiment")
    config = AutoConfig.from_pretrained(artifact.path)
    model = AutoModelForSequenceClassification.from_config(config)
    expected = estimate(model, artifact.manifest.tokenization.max_tokens, "int8")
    assert expected.weights == pytest.approx(weights_of(artifact), rel=0.05)
    measured = json.loads((REPOSITORY / "docs/benchmarks.json").read_text())
    peak = measured["models"]["by_name"]["sentiment"]["peak"]
    assert expected.memory == pytest.approx(peak, rel=0.05)
