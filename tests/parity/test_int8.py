"""`python -m scripts.parity`: int8 compared with full precision on this processor."""

import json
import sys
from itertools import islice, product

import numpy as np
import pytest
from transformers import BertConfig

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from scripts import parity
from scripts.common.errors import CommandError, RegistryError, UsageError
from scripts.data.forms import FORMS
from scripts.deploy.models import seed
from scripts.evaluate.agreement import Agreement
from scripts.gate.golden_set import GoldenSet
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import open_registry
from tests.tiny import WORDS
from tests.tiny_entities import write_entity_artifact
from tests.unit.backends.exported import LABELS, SHAPE, write_exported

pytestmark = pytest.mark.integration

ROWS = 240


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    """A registry with a random model in production, and texts in its words."""
    folder = tmp_path_factory.mktemp("parity")
    artifact = write_exported(folder / "artifact", BertConfig(**SHAPE, pad_token_id=0)).artifact
    registry = open_registry(str(folder / "registry"))
    version = registry.publish(artifact)
    registry.promote(artifact.manifest.model, version, "it answered")
    texts = [" ".join(words) for words in islice(product(WORDS[4:11], repeat=4), ROWS)]
    labels = [LABELS[row % len(LABELS)] for row in range(ROWS)]
    freeze_golden(
        registry.store, artifact.manifest.model, GoldenSet(FORMS["label"], texts, labels).content()
    )
    return folder / "registry", artifact.manifest.model


@pytest.fixture
def run(location, tmp_path, monkeypatch):
    """Run the command."""

    def compared(*more):
        arguments = ["--registry", str(location[0]), "--json", str(tmp_path / "report.json")]
        monkeypatch.setattr(sys, "argv", ["parity", *arguments, *more])
        parity.main()

    return compared


@pytest.fixture
def report(location, tmp_path):
    """What it wrote down of the model."""
    return lambda: json.loads((tmp_path / "report.json").read_text())["models"][location[1]]


def test_a_processor_that_multiplies_right_passes(run, report, capsys) -> None:
    run()
    found = report()
    assert found["share"] > 0.95
    assert 0 < found["mean_difference"] < 0.03
    assert set(found["accuracy"]) == {"int8", "full precision"}
    assert f"of {ROWS} texts" in capsys.readouterr().out


class Saturating(OnnxBackend):
    """What products of eight bits that do not fit come to: large logits are all alike."""

    def run(self, input_ids, attention_mask):
        logits = super().run(input_ids, attention_mask)
        return np.minimum(logits, np.quantile(logits, 0.4))


def test_a_processor_that_saturates_does_not(run, report, monkeypatch) -> None:
    monkeypatch.setattr(parity, "OnnxBackend", Saturating)
    with pytest.raises(CommandError, match="does not answer as full precision"):
        run()
    assert report()["mean_difference"] > 0.03


def test_a_model_that_is_not_in_production_is_an_error(run) -> None:
    with pytest.raises(RegistryError, match="nothing is in production"):
        run("--model", "other")


@pytest.mark.parametrize(
    ("share", "high", "distance", "holds"),
    [
        (0.999, 1.0, 0.01, True),
        (0.98, 0.993, 0.01, True),
        (0.95, 0.97, 0.01, False),
        (0.999, 1.0, 0.05, False),
    ],
)
def test_so_few_texts_get_the_benefit_of_the_doubt_but_no_more(
    share, high, distance, holds
) -> None:
    agreement = Agreement(400, share, share, high, distance, 0.1, 0.2, [])
    assert parity.holds(agreement, parity.LABELS, parity.DISTANCE) is holds


@pytest.fixture
def unserved(tmp_path, monkeypatch):
    """A registry with nothing but a model that torch cannot serve."""
    registry = open_registry(str(tmp_path / "registry"))
    version = registry.publish(open_artifact(write_entity_artifact(tmp_path / "ner")))
    registry.promote("ner", version, "it answered")
    monkeypatch.setattr(sys, "argv", ["parity", "--registry", str(tmp_path / "registry")])
    return registry


def test_a_model_that_torch_cannot_serve_is_wrong_usage_with_advice(unserved) -> None:
    with pytest.raises(UsageError, match=r"scripts\.evaluate"):
        parity.main()


def test_among_others_it_is_named_and_passed_over(unserved, location, capsys) -> None:
    model = location[1]
    seed(open_registry(str(location[0])), unserved)
    (version,) = unserved.versions(model)
    unserved.promote(model, version, "it answered")
    parity.main()
    said = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0].rstrip(":") for line in said) == sorted(["ner", model])
    assert any(line.startswith("ner: passed over: ") for line in said)
