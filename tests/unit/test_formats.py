"""Files that a deployment of November 2026 wrote: they load for ever, and mean the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact, verify
from function.core.predictions import EntityPrediction
from function.core.predictor import Predictor, load_predictor
from function.core.types import Options
from scripts.drift.log_lines import lines_of
from scripts.drift.prediction_log import build_log
from scripts.gate.golden import parse_golden
from scripts.refresh.verdicts import find_verdict
from scripts.registry.golden_sets import current_golden
from scripts.registry.registry import Registry, open_registry
from scripts.registry.releases import list_releases, release_history
from tests.predictions import EVER

WRITTEN = Path(__file__).parent.parent / "fixtures" / "formats" / "2026-11"
FIRST, SECOND = "20260102-b4c5cbd0", "20260102-f7864fa6"
ROLLED_BACK, ENTITIES = "20260102-d4640b13", "20260102-35349672"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    shutil.copytree(WRITTEN / "registry", tmp_path / "registry")
    return open_registry(str(tmp_path / "registry"))


@pytest.fixture
def open_predictor():
    def opened(model: str, version: str) -> Predictor:
        artifact = open_artifact(WRITTEN / "registry" / model / "versions" / version)
        assert artifact.version == version
        verify(artifact)
        return load_predictor(artifact, lambda each: OnnxBackend(each, 1), 16)

    return opened


def test_versions_keep_their_names_and_answers(open_predictor):
    predictor = open_predictor("sentiment", FIRST)
    assert predictor.artifact.version == FIRST
    assert predictor.artifact.manifest.metrics == {"film-test": {"accuracy": 0.9, "texts": 300.0}}
    ((answer,), _) = predictor.predict(["good film"], Options())
    assert (answer.label, answer.stage) == ("positive", "full")
    assert answer.score == pytest.approx(0.98201, abs=1e-4)


def test_so_do_versions_that_find_entities(open_predictor):
    ((answer,), _) = open_predictor("ner", ENTITIES).predict(["Ada Lovelace met Acme"], Options())
    assert isinstance(answer, EntityPrediction)
    assert [(each.label, each.text) for each in answer.entities] == [
        ("PER", "Ada Lovelace"),
        ("ORG", "Acme"),
    ]


def test_aliases_point_where_they_did_and_remember_what_was_rolled_back(registry):
    production = registry.alias("sentiment", "production")
    assert (production.version, production.previous) == (SECOND, FIRST)
    assert production.withdrawn == (ROLLED_BACK,)
    assert registry.alias("sentiment", "candidate").version == SECOND


def test_an_alias_that_was_written_then_is_moved_now(registry):
    assert registry.rollback("sentiment")[1].version == FIRST
    registry.promote("sentiment", SECOND, "again")
    assert registry.alias("sentiment", "production").version == SECOND


def test_releases_are_listed_in_order_with_their_images(registry):
    first, second = list_releases(registry.store, "prod")
    assert (first.models, first.server) == ({"sentiment": FIRST}, "")
    assert (second.models, second.server) == ({"sentiment": SECOND}, f"sha256:{'c' * 64}")
    assert second.image == f"sha256:{'b' * 64}"
    assert release_history([first, second]).active == [first, second]


def test_a_revision_that_was_judged_is_not_judged_again(registry):
    passed = find_verdict(registry.store, "sentiment", "dir:somewhere@0a1b2c")
    refused = find_verdict(registry.store, "sentiment", "hub:acme/films@abc123")
    assert passed is not None
    assert refused is not None
    assert (passed.outcome, passed.version, passed.champion) == ("passed", SECOND, FIRST)
    assert (refused.outcome, refused.reasons) == ("refused", ["accuracy fell by 3.1 points"])


def test_the_golden_set_in_use_is_found_and_read(registry):
    digest, content = current_golden(registry.store, "sentiment")
    golden = parse_golden(content)
    assert digest.startswith("0c4b06ef")
    assert list(golden.texts) == ["good film", "the film is dull"]


@pytest.mark.parametrize("name", ["prediction-log.jsonl", "prediction-log.parquet"])
def test_the_prediction_log_is_read_and_its_feedback_joined(name):
    log = build_log(lines_of((WRITTEN / name).read_bytes()), EVER, "sentiment")
    assert (list(log.labels), log.damaged) == (["negative", "positive"], 0)
    assert list(log.scores) == [0.982, 0.9997]
    assert log.correct[0] == 0, "feedback says negative"
    assert np.isnan(log.first).all(), "there were no cascades"
    entities = build_log(lines_of((WRITTEN / name).read_bytes()), EVER, "ner")
    assert dict(zip(entities.labels, entities.answers[0], strict=True)) == {"ORG": 1, "PER": 1}
